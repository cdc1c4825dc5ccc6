import {isStorageError} from '../../api/storage/storage-error.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {instanceFinalizer} from '../../api/v1alpha1/workspace.ts';
import {aWorkspace} from '../contracts/storage/samples.ts';
import type {FakeInstance} from '../fakes/fake-backend.ts';
import type {SeededRandom} from './seeded-random.ts';
import type {World} from './world.ts';

const names = ['shop', 'blog', 'lab', 'game'] as const;

/** What developers do with their workspaces: through the store, as the API server would. */
export async function actAsUser(world: World, random: SeededRandom): Promise<void> {
  const name = random.pick(names);
  try {
    const present = await world.storage.get('Workspace', name).catch(() => undefined);
    if (present === undefined) {
      world.trace.add(`user: creates ${name}`);
      await world.storage.create(
        'Workspace',
        aWorkspace(name, {metadata: {finalizers: [instanceFinalizer]}, spec: specOf(random)}),
      );
    } else if (present.metadata.deletionTimestamp === undefined) {
      await change(world, present, random);
    } else if (random.chance(0.5)) {
      world.trace.add(`user: forces the deletion of ${name}`);
      world.forced.add(present.metadata.uid);
      await annotate(world, present, {'nexus.dev/force-delete': 'true'});
    }
  } catch (error) {
    if (!isStorageError(error)) {
      throw error;
    }
  }
}

async function change(world: World, present: Stored<'Workspace'>, random: SeededRandom): Promise<void> {
  const {storage, trace} = world;
  const {name, uid} = present.metadata;
  const respecify = async (what: string, spec: Partial<Stored<'Workspace'>['spec']>) => {
    trace.add(`user: ${what} ${name}`);
    await storage.update('Workspace', {...present, spec: {...present.spec, ...spec}});
  };

  const instance = world.nodes
    .flatMap(node => [...node.driver.backend.instances.values()].map(each => ({node, each})))
    .find(({each}) => each.uid === uid && !each.isCopy && each.state === 'Running');
  switch (
    random.pick([
      'delete',
      'toggle',
      'services',
      'setup',
      'resources',
      'env',
      'work',
      'work',
      'save',
      'image',
      'retry',
    ])
  ) {
    case 'delete':
      trace.add(`user: deletes ${name}`);
      await storage.delete('Workspace', name);
      return;
    case 'toggle':
      return respecify(present.spec.running ? 'stops' : 'starts', {running: !present.spec.running});
    case 'services':
      return respecify('changes the services of', {
        services: aWorkspace('x', {spec: specOf(random)}).spec.services,
      });
    case 'setup':
      return respecify('changes the setup of', {setup: [`make ${random.between(1, 3)}`]});
    case 'resources':
      return respecify('resizes', {resources: {...present.spec.resources, cpus: random.between(1, 4)}});
    case 'env':
      return respecify('changes the environment of', {env: {LEVEL: String(random.between(1, 3))}});
    case 'work':
      // Nobody works in what they have asked to be made anew.
      if (instance !== undefined && present.metadata.annotations === undefined) {
        const inside = instance.node.insideOf(instance.each);
        if (inside.clone !== undefined && inside.emptiedBy?.alive !== true) {
          trace.add(`user: works in ${name}`);
          inside.unsaved = true;
          inside.work += 1;
        }
      }

      return;
    case 'save':
      if (instance !== undefined) {
        instance.node.insideOf(instance.each).unsaved = false;
      }

      return;
    case 'image':
      trace.add(`user: changes the image of ${name}`);
      await storage.update('Workspace', {
        ...present,
        spec: {...present.spec, image: random.pick(['nexus/base', 'nexus/other'])},
        metadata: {...present.metadata, annotations: {'nexus.dev/recreate': 'allowed'}},
      });
      return;
    case 'retry':
      return annotate(world, present, {'nexus.dev/retry-at': String(world.clock.now())});
  }
}

async function annotate(
  {storage}: World,
  present: Stored<'Workspace'>,
  annotations: Record<string, string>,
): Promise<void> {
  const {metadata} = present;
  await storage.update('Workspace', {
    ...present,
    metadata: {...metadata, annotations: {...metadata.annotations, ...annotations}},
  });
}

function specOf(random: SeededRandom): object {
  return {
    ...(random.chance(0.8) && {
      repo: {owner: 'acme', name: 'shop', url: 'https://example.com/acme/shop.git', branch: 'main'},
    }),
    setup: random.chance(0.5) ? ['npm ci'] : [],
    services: [
      ...(random.chance(0.6) ? [{name: 'db', command: 'postgres', port: 5432}] : []),
      ...(random.chance(0.6)
        ? [{name: 'web', command: 'npm run dev', port: 3000, healthCheck: {http: '/'}}]
        : []),
    ],
    running: random.chance(0.9),
  };
}

/** What somebody with a shell on a node does to containers: never to be trusted, always to be mended. */
export async function actByHand(world: World, random: SeededRandom): Promise<void> {
  const node = random.pickAny(world.nodes);
  const {byHand, backend} = node?.driver ?? {};
  const instance = random.pickAny(
    [...(backend?.instances.values() ?? [])].filter(({uid}) => uid !== undefined),
  );
  if (node === undefined || byHand === undefined || backend === undefined) {
    return;
  }

  if (instance === undefined || random.chance(0.1)) {
    const stranger = `stranger-${random.between(1, 99)}`;
    if (!backend.instances.has(stranger)) {
      await byHand.createForeign(stranger);
      world.strangers.add(`${node.name}/${stranger}`);
    }

    return;
  }

  const {name, state, uid} = instance;
  if (state === 'Starting' || state === 'Stopping') {
    return;
  }

  const deed = random.pick([
    'stop',
    'stop',
    'start',
    'freeze',
    'freeze',
    'rename',
    'delete',
    'copy',
    'crash',
  ]);
  world.trace.add(`hand: ${deed} ${name} on ${node.name}`);
  if (deed === 'stop' && state !== 'Stopped') {
    await byHand.stop(name);
  } else if (deed === 'start' && state === 'Stopped' && !hasTwin(world, instance)) {
    await byHand.start(name);
  } else if (deed === 'freeze' && state === 'Running') {
    await byHand.freeze(name);
  } else if (deed === 'rename' && state === 'Stopped' && !instance.isCopy) {
    await byHand.rename(name, `renamed-${random.between(1, 999)}`);
  } else if (deed === 'delete') {
    world.handRemoves = true;
    world.handRemoved.add(uid ?? '');
    await byHand.delete(name);
    world.handRemoves = false;
  } else if (deed === 'copy' && !backend.instances.has(`${name}-copy`)) {
    await byHand.copy(name, `${name}-copy`);
  } else if (deed === 'crash' && state === 'Running') {
    for (const unit of node.insideOf(instance).units.values()) {
      // A service crashes.
      unit.exitCode ??= 1;
      for (const tell of [...node.insideOf(instance).listeners]) {
        tell(unit);
      }
    }
  }
}

/** Whether a move has put another copy of it on another node: whoever starts both has two by his own doing. */
function hasTwin({nodes}: World, instance: FakeInstance): boolean {
  const all = nodes.flatMap(node => [...node.driver.backend.instances.values()]);
  return all.some(other => other !== instance && other.uid === instance.uid && !other.isCopy);
}
