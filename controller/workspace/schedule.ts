import type {NodeFacts} from '../../api/agent/v1alpha1/messages.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {formatBytes} from '../../api/v1alpha1/quantity.ts';
import type {WorkspaceSpec} from '../../api/v1alpha1/workspace.ts';
import type {PortRequest} from './desired.ts';
import type {Allocation} from './ports.ts';
import {allocatePorts, rangeOf} from './ports.ts';
import type {Size} from './room.ts';
import {roomOn, roomRefusal} from './room.ts';

/** A node as the scheduler sees it. */
export type Candidate = {
  readonly node: Stored<'Node'>;
  /** What its agent says now; undefined when it is not connected or silent. */
  readonly facts: NodeFacts | undefined;
  /** Limits of the workspaces that are on it or on their way there, summed, and how many they are. */
  readonly used: Size;
  readonly workspaces: number;
  /** Those of them that belong to the owner of the one that is placed. */
  readonly owned: number;
  /** What is set aside for them, summed. */
  readonly reserved: Size;
  /** Ports held by workspaces on it and by other programs; worked out when asked for. */
  readonly takenPorts: () => ReadonlySet<number>;
};

export type PlacementRequest = {
  readonly spec: Pick<WorkspaceSpec, 'provider' | 'node' | 'nodeSelector'>;
  /** Its limits. */
  readonly size: Size;
  /** To be set aside for it. */
  readonly requests: Size;
  readonly ports: readonly PortRequest[];
  /** For one that is moved: as what its instance arrives. */
  readonly moved?: {readonly provider: string; readonly format: string};
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
 * Chooses the node with the least asked of it, of those that have room. Limits are no promise: they may add up to more than a node has, but it gets none
 * that it could never grant. Requests are: what is set aside on a node never exceeds what it has times its overcommitment.
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

  for (const candidate of [...suitable].sort(compare)) {
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

/** Why a node can't have it whatever its ports; undefined when it can. */
export function refusalOf(
  {spec, size, requests, moved}: PlacementRequest,
  candidate: Candidate,
): string | undefined {
  const {node, facts} = candidate;
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

  if (moved !== undefined && provider.transferFormat !== moved.format) {
    return `its provider ${moved.provider} does not take what is moved (or its agent is too old to)`;
  }

  return sizeRefusal(size, provider.capacity ?? facts.capacity) ?? roomRefusal(requests, roomFor(candidate));
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

/** What may still be set aside there; nothing while what it has is not known. */
export function roomFor({node, facts, reserved}: Pick<Candidate, 'node' | 'facts' | 'reserved'>): Size {
  return roomOn(node.spec, facts?.allocatable ?? {cpus: 0, memory: 0, disk: 0}, reserved);
}

/**
 * Least loaded first. Of nodes that are loaded about alike the one with the fewest workspaces of this owner, so that no one node takes all their work
 * down with it; then least loaded to the last digit, then fewest workspaces, then by name, so that the choice is always the same.
 */
function compare(left: Candidate, right: Candidate): number {
  return (
    Math.floor(load(left) / alike) - Math.floor(load(right) / alike) ||
    left.owned - right.owned ||
    load(left) - load(right) ||
    left.workspaces - right.workspaces ||
    (left.node.metadata.name < right.node.metadata.name ? -1 : 1)
  );
}

/** Loads are told apart in steps of this much of what a node has. */
const alike = 0.25;

/** Limits and reservations alike, as a part of what the node has. */
function load({used, reserved, facts}: Candidate): number {
  const capacity = facts?.capacity ?? {cpus: 1, memory: 1, disk: 1};
  return Math.max(
    ...(['cpus', 'memory', 'disk'] as const).map(
      resource => Math.max(used[resource], reserved[resource]) / Math.max(1, capacity[resource]),
    ),
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
