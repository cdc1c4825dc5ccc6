import {timestampAt} from '../../api/effects/clock.ts';
import {isStorageError} from '../../api/storage/storage-error.ts';
import type {NodeSpec} from '../../api/v1alpha1/node.ts';
import type {SeededRandom} from './seeded-random.ts';
import type {World} from './world.ts';

/** What administrators do with nodes: drain them, think better of it, cordon them. */
export async function operate(world: World, random: SeededRandom): Promise<void> {
  const name = random.pickAny(world.nodes)?.name ?? '';
  const other = random.pickAny(world.nodes.filter(node => node.name !== name))?.name;
  const drain = {
    requestedAt: timestampAt(world.clock.now()),
    ...(other !== undefined && random.chance(0.2) && {to: other}),
  };
  switch (random.pick(['drain', 'drain', 'drain', 'uncordon', 'uncordon', 'cordon'])) {
    case 'drain':
      return declare(world, name, {unschedulable: true, drain});
    case 'uncordon':
      return declare(world, name, {unschedulable: false});
    case 'cordon':
      return declare(world, name, {unschedulable: true});
  }
}

/** In the end all nodes take workspaces, but for one that may be drained. */
export async function settleNodes(world: World, random: SeededRandom): Promise<void> {
  const drained = random.chance(0.6) ? random.pickAny(world.nodes)?.name : undefined;
  for (const {name} of world.nodes) {
    const drain = {requestedAt: timestampAt(world.clock.now())};
    await declare(world, name, name === drained ? {unschedulable: true, drain} : {unschedulable: false});
  }
}

async function declare(
  {storage, trace}: World,
  name: string,
  change: Pick<NodeSpec, 'unschedulable' | 'drain'>,
): Promise<void> {
  for (;;) {
    const node = await storage.get('Node', name);
    const {drain: _, ...spec} = node.spec;
    try {
      trace.add(`operator: ${name} ${JSON.stringify(change)}`);
      await storage.update('Node', {...node, spec: {...spec, ...change}});
      return;
    } catch (error) {
      if (!isStorageError(error, 'Conflict')) {
        throw error;
      }
    }
  }
}
