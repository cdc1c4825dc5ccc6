import type {PortAllocation} from '../../api/v1alpha1/workspace.ts';
import type {PortRequest} from './desired.ts';

export type PortRange = {readonly first: number; readonly last: number};

/** Inclusive. ssh of workspaces on a node; with a pool this small the gateway is the other way in. */
export const sshPorts: PortRange = {first: 2222, last: 2299};

/** Inclusive. Services of workspaces on a node. */
export const servicePorts: PortRange = {first: 23_000, last: 23_999};

export type Allocation = {
  /** What was asked for and could be had, in the order of the requests. */
  readonly ports: readonly PortAllocation[];
  /** Names of requests for which no port was free. */
  readonly missing: readonly string[];
};

export type AllocationOptions = {
  /** Kept where still asked for and not in `unusable`. */
  readonly previous: readonly PortAllocation[];
  /** Held by other workspaces on the node, or by other programs on it. */
  readonly taken: ReadonlySet<number>;
  /** Found to be taken by another program although allocated to this workspace. */
  readonly unusable: ReadonlySet<number>;
};

/** Gives each request the first free port of its range. A port that was given stays, so that nobody's bookmark breaks. */
export function allocatePorts(requests: readonly PortRequest[], options: AllocationOptions): Allocation {
  const given = new Map(options.previous.map(({name, nodePort}) => [name, nodePort]));
  const kept = new Map([...given].filter(([, nodePort]) => !options.unusable.has(nodePort)));
  const used = new Set<number>(requests.flatMap(({name}) => kept.get(name) ?? []));
  const ports: PortAllocation[] = [];
  const missing: string[] = [];
  for (const {name, targetPort} of requests) {
    const nodePort =
      kept.get(name) ??
      firstFree(startingAfter(given.get(name), rangeOf(name)), [options.taken, options.unusable, used]);
    if (nodePort === undefined) {
      missing.push(name);
    } else {
      used.add(nodePort);
      ports.push({name, nodePort, targetPort});
    }
  }

  return {ports, missing};
}

export function rangeOf(name: string): PortRange {
  return name === 'ssh' ? sshPorts : servicePorts;
}

/**
 * Ports of a range in the order in which they are tried. After one that turned out to be taken come those above it, so that all get their turn
 * before it is tried again: what holds a port may not show in what the node reports.
 */
function startingAfter(unusable: number | undefined, {first, last}: PortRange): number[] {
  const size = last - first + 1;
  const start = unusable === undefined ? 0 : unusable - first + 1;
  return Array.from({length: size}, (_, index) => first + ((start + index) % size));
}

function firstFree(ports: readonly number[], excluded: readonly ReadonlySet<number>[]): number | undefined {
  return ports.find(port => !excluded.some(set => set.has(port)));
}
