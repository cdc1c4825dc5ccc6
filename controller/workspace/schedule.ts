import type {NodeFacts} from '../../api/agent/v1alpha1/messages.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {WorkspaceSpec} from '../../api/v1alpha1/workspace.ts';
import type {PortRequest} from './desired.ts';
import type {Allocation} from './ports.ts';
import {allocatePorts, rangeOf} from './ports.ts';

export type Size = {readonly cpus: number; readonly memory: number; readonly disk: number};

/** A node as the scheduler sees it. */
export type Candidate = {
  readonly node: Stored<'Node'>;
  /** What its agent says now; undefined when it is not connected or silent. */
  readonly facts: NodeFacts | undefined;
  /** Limits of the workspaces that are on it, summed, and how many they are. */
  readonly used: Size;
  readonly workspaces: number;
  /** Ports held by workspaces on it and by other programs; worked out when asked for. */
  readonly takenPorts: () => ReadonlySet<number>;
};

export type PlacementRequest = {
  readonly spec: Pick<WorkspaceSpec, 'provider' | 'node' | 'nodeSelector'>;
  readonly size: Size;
  readonly ports: readonly PortRequest[];
};

export type Schedule =
  | {readonly kind: 'Placed'; readonly node: string; readonly ports: Allocation['ports']}
  | {
      readonly kind: 'Unplaced';
      /** `PortsExhausted` when free ports are all that is wanting on some node. */
      readonly reason: 'NoNodes' | 'Unschedulable' | 'PortsExhausted';
      /** One sentence that says of each node why not. */
      readonly message: string;
    };

type Refusal = {readonly candidate: Candidate; readonly refusal: string};

const gibibyte = 2 ** 30;

/**
 * Chooses the node with the least asked of it. Resources are limits, not reservations: a node may be promised more than it has (most
 * workspaces idle), but none goes where it could never get the memory or disk that it asks for.
 */
export function schedule(request: PlacementRequest, candidates: readonly Candidate[]): Schedule {
  if (candidates.length === 0) {
    const message = 'There are no nodes; add one with: nexus node add <name> <address>';
    return {kind: 'Unplaced', reason: 'NoNodes', message};
  }

  const refusals: Refusal[] = [];
  const suitable: Candidate[] = [];
  for (const candidate of candidates) {
    const refusal = refusalOf(request, candidate);
    if (refusal === undefined) {
      suitable.push(candidate);
    } else {
      refusals.push({candidate, refusal});
    }
  }

  for (const candidate of suitable.sort(compare)) {
    const {ports, missing} = allocatePorts(request.ports, {
      previous: [],
      taken: candidate.takenPorts(),
      unusable: new Set(),
    });
    const [lacking] = missing;
    if (lacking === undefined) {
      return {kind: 'Placed', node: candidate.node.metadata.name, ports};
    }

    const {first, last} = rangeOf(lacking);
    const refusal = `all ports from ${first} to ${last} are taken; it goes on when one is released`;
    refusals.push({candidate, refusal});
  }

  return {
    kind: 'Unplaced',
    reason: suitable.length > 0 ? 'PortsExhausted' : 'Unschedulable',
    message: `No node can take it: ${describe(refusals)}`,
  };
}

function refusalOf({spec, size}: PlacementRequest, {node, facts}: Candidate): string | undefined {
  const {name, labels = {}} = node.metadata;
  if (spec.node !== undefined && spec.node !== name) {
    return `the workspace asks for node ${spec.node}`;
  }

  for (const [key, value] of Object.entries(spec.nodeSelector ?? {})) {
    if (labels[key] !== value) {
      return `it lacks the label ${key}=${value}`;
    }
  }

  if (node.spec.unschedulable) {
    return `it is cordoned; undo with: nexus node uncordon ${name}`;
  }

  if (node.spec.providers?.includes(spec.provider) === false) {
    return `it does not offer provider ${spec.provider}`;
  }

  if (facts === undefined) {
    return `it is not ready; see: nexus node status ${name}`;
  }

  const provider = facts.providers.find(offered => offered.name === spec.provider);
  if (provider === undefined) {
    return `it has no backend for provider ${spec.provider}`;
  }

  if (!provider.ready) {
    return `provider ${spec.provider} is not ready there${provider.message === undefined ? '' : ` (${provider.message})`}`;
  }

  return sizeRefusal(size, provider.capacity ?? facts.capacity);
}

/** Memory is compared in whole GiB: a machine sold with 4 GiB reports a little less. */
function sizeRefusal(size: Size, capacity: Size): string | undefined {
  if (size.memory > Math.ceil(capacity.memory / gibibyte) * gibibyte) {
    return `it has ${formatBytes(capacity.memory)} of memory, and resources.memory is ${formatBytes(size.memory)}`;
  }

  return size.disk > capacity.disk
    ? `it has ${formatBytes(capacity.disk)} of disk, and resources.disk is ${formatBytes(size.disk)}`
    : undefined;
}

function formatBytes(bytes: number): string {
  return `${Number((bytes / gibibyte).toFixed(1))} GiB`;
}

/** Least loaded first, then fewest workspaces, then by name, so that the choice is always the same. */
function compare(left: Candidate, right: Candidate): number {
  return (
    load(left) - load(right) ||
    left.workspaces - right.workspaces ||
    (left.node.metadata.name < right.node.metadata.name ? -1 : 1)
  );
}

function load({used, facts}: Candidate): number {
  const capacity = facts?.capacity ?? {cpus: 1, memory: 1, disk: 1};
  return Math.max(
    used.cpus / Math.max(1, capacity.cpus),
    used.memory / Math.max(1, capacity.memory),
    used.disk / Math.max(1, capacity.disk),
  );
}

/** Nodes that are refused for the same reason are named together; at most ten are. */
function describe(refusals: readonly Refusal[]): string {
  const groups = new Map<string, string[]>();
  for (const {candidate, refusal} of refusals) {
    groups.set(refusal, [...(groups.get(refusal) ?? []), candidate.node.metadata.name]);
  }

  const parts = [...groups].map(([refusal, names]) => {
    const shown = names.slice(0, 10).join(', ');
    return `${shown}${names.length > 10 ? ` and ${names.length - 10} more` : ''}: ${refusal}`;
  });
  return `${parts.join('; ')}.`;
}
