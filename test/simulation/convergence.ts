import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {SimulatedNode} from './simulated-node.ts';
import type {World} from './world.ts';

/** What is not yet as it was declared; empty once everything is. */
export async function notConverged(world: World): Promise<string[]> {
  const {items} = await world.storage.list('Workspace');
  const nodes = await world.storage.list('Node');
  const drained = nodes.items.filter(({spec}) => spec.drain !== undefined).map(({metadata}) => metadata.name);
  const left = items
    .filter(
      ({spec, status}) =>
        (spec.running || status?.instance !== undefined) && drained.includes(status?.node ?? ''),
    )
    .map(({metadata, status}) => `${metadata.name}: is still on ${status?.node}, which is drained`);
  const moving = items
    .filter(({status}) => status?.migration !== undefined)
    .map(
      ({metadata, status}) => `${metadata.name}: is still being moved: ${JSON.stringify(status?.migration)}`,
    );
  const wrong = items.flatMap(workspace =>
    faultsOf(workspace, world.nodes).map(fault => `${workspace.metadata.name}: ${fault}`),
  );
  return [...wrong, ...left, ...moving];
}

/** Instances that no workspace has, and that nobody keeps. */
export async function orphans(world: World): Promise<string[]> {
  const {items} = await world.storage.list('Workspace');
  return world.nodes.flatMap(node =>
    [...node.driver.backend.instances.values()]
      .filter(({uid, isCopy, retired}) => uid !== undefined && !isCopy && retired === undefined)
      .filter(
        ({uid}) => !items.some(({metadata, status}) => metadata.uid === uid && status?.node === node.name),
      )
      .map(({name}) => `${name} on ${node.name}`),
  );
}

function faultsOf({metadata, spec, status}: Stored<'Workspace'>, nodes: readonly SimulatedNode[]): string[] {
  if (metadata.deletionTimestamp !== undefined) {
    return [`is still being deleted (${status?.phase})`];
  }

  const node = nodes.find(({name}) => name === status?.node);
  const instance = [...(node?.driver.backend.instances.values() ?? [])].find(
    ({uid, isCopy}) => uid === metadata.uid && !isCopy,
  );
  const ready = findCondition(status?.conditions, 'Ready');
  const faults: string[] = [];
  if (status?.observedGeneration !== metadata.generation) {
    faults.push(`generation ${metadata.generation} was not looked at (${status?.observedGeneration})`);
  }

  if (!spec.running) {
    if (status?.phase !== 'Stopped') {
      faults.push(`is ${status?.phase}, not Stopped: ${ready?.reason} ${ready?.message}`);
    }

    if (instance !== undefined && instance.state !== 'Stopped') {
      faults.push(`its instance is ${instance.state}`);
    }

    return faults;
  }

  if (status?.phase !== 'Running' || ready?.status !== 'True') {
    faults.push(`is ${status?.phase}, ready ${ready?.status}: ${ready?.reason} ${ready?.message}`);
  }

  if (node === undefined || instance === undefined) {
    return [...faults, 'has no instance'];
  }

  // One that was renamed and runs is left to run: it gets its name back when it is stopped.
  if (instance.state !== 'Running') {
    faults.push(`its instance ${instance.name} is ${instance.state}`);
  }

  const {units, clone} = node.insideOf(instance);
  for (const {name} of spec.services) {
    if (units.get(name)?.exitCode !== undefined || !units.has(name)) {
      faults.push(`service ${name} does not run`);
    }
  }

  if (spec.repo !== undefined && clone === undefined) {
    faults.push('has no clone');
  }

  for (const {nodePort} of status?.ports ?? []) {
    if (!node.openPorts.has(nodePort)) {
      faults.push(`port ${nodePort} is not open`);
    }
  }

  return faults;
}
