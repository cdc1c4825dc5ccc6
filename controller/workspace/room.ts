import type {NodeSpec} from '../../api/v1alpha1/node.ts';
import {formatBytes, parseBytes} from '../../api/v1alpha1/quantity.ts';
import type {WorkspaceSpec, WorkspaceStatus} from '../../api/v1alpha1/workspace.ts';

/** Processors, and bytes of memory and of disk. */
export type Size = {readonly cpus: number; readonly memory: number; readonly disk: number};

/**
 * Set aside for a workspace that does not say what it needs: about what one takes that idles, since that is what most do most of the time. Never more
 * than its limits.
 */
export const idleRequests: Size = {cpus: 0.05, memory: 64 * 2 ** 20, disk: 128 * 2 ** 20};

/**
 * How many times what a node has may be set aside on it, when its spec.overcommit does not say. Processors are shared without harm; memory and disk
 * are not, so whoever asks for them by requests gets them.
 */
export const defaultOvercommit: Size = {cpus: 8, memory: 1, disk: 1};

/** Half of the last digit that adding up fractions of processors gets wrong. */
const tolerance = 1e-6;

export function limitsOf({resources: {cpus, memory, disk}}: Pick<WorkspaceSpec, 'resources'>): Size {
  return {cpus, memory: parseBytes(memory), disk: parseBytes(disk)};
}

/** What is set aside for it while it is to run. */
export function requestsOf(spec: Pick<WorkspaceSpec, 'resources'>): Size {
  const limits = limitsOf(spec);
  const {cpus, memory, disk} = spec.resources.requests ?? {};
  return {
    cpus: cpus ?? Math.min(idleRequests.cpus, limits.cpus),
    memory: memory === undefined ? Math.min(idleRequests.memory, limits.memory) : parseBytes(memory),
    disk: disk === undefined ? Math.min(idleRequests.disk, limits.disk) : parseBytes(disk),
  };
}

/** What is set aside for it as it is to be now: one that is stopped keeps its disk and nothing else. */
export function wantedReservation(spec: Pick<WorkspaceSpec, 'resources' | 'running'>): Size {
  const requests = requestsOf(spec);
  return spec.running ? requests : {cpus: 0, memory: 0, disk: requests.disk};
}

/** What is set aside for a workspace that has a place. */
export function reservationOf(
  spec: Pick<WorkspaceSpec, 'resources' | 'running'>,
  {reserved}: Pick<WorkspaceStatus, 'reserved'>,
): Size {
  return reserved ?? wantedReservation(spec);
}

/** Whether `size` asks for no more of anything than `bound`. */
export function isWithin(size: Size, bound: Size): boolean {
  return resources.every(resource => size[resource] <= bound[resource] + tolerance);
}

/** What may still be set aside on a node of which `reserved` is; less than 0 where it was promised more than it may. */
export function roomOn(
  {overcommit = {}}: Pick<NodeSpec, 'overcommit'>,
  allocatable: Size,
  reserved: Size,
): Size {
  const left = (resource: keyof Size) =>
    allocatable[resource] * (overcommit[resource] ?? defaultOvercommit[resource]) - reserved[resource];
  return {cpus: left('cpus'), memory: left('memory'), disk: left('disk')};
}

/** Why `size` can't be set aside where there is so much room; undefined when it can. */
export function roomRefusal(size: Size, room: Size): string | undefined {
  const lacking = resources.find(resource => size[resource] > room[resource] + tolerance);
  return lacking === undefined
    ? undefined
    : `it has ${format(lacking, Math.max(0, room[lacking]))} of ${words[lacking]} left to set aside, and resources.requests.${lacking} is ${format(lacking, size[lacking])}`;
}

export function sum(parts: readonly Size[]): Size {
  const total = {cpus: 0, memory: 0, disk: 0};
  for (const {cpus, memory, disk} of parts) {
    total.cpus += cpus;
    total.memory += memory;
    total.disk += disk;
  }

  return total;
}

const resources = ['memory', 'disk', 'cpus'] as const;
const words = {cpus: 'processors', memory: 'memory', disk: 'disk'} as const;

function format(resource: keyof Size, amount: number): string {
  return resource === 'cpus' ? String(Number(amount.toFixed(2))) : formatBytes(amount);
}
