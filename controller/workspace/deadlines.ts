import type {Instance, OperationKind} from '../../api/agent/v1alpha1/instance.ts';
import type {Deadlines, Desired} from './desired.ts';

/** Milliseconds that an agent gets to end by itself what it was given a time-out for. */
const grace = 30_000;

export type Due = {
  readonly operation: OperationKind;
  /** Milliseconds that it has taken, and may take. */
  readonly elapsed: number;
  readonly limit: number;
};

/**
 * What runs in an instance against a deadline: its operation, or its boot until sshd answers. All times are the node's own, so
 * that a clock that is wrong there does no harm.
 */
export function due(instance: Instance, desired: Desired, nodeTime: number): Due | undefined {
  const {operation} = instance;
  if (operation !== undefined) {
    const limit = limitOf(operation.kind, instance, desired.deadlines);
    return {operation: operation.kind, elapsed: nodeTime - Date.parse(operation.startedAt), limit};
  }

  const {startedAt} = instance;
  const isBooting = desired.running && instance.state === 'Running' && !instance.sshReady;
  return isBooting && startedAt !== undefined
    ? {
        operation: 'Start',
        elapsed: nodeTime - Date.parse(startedAt),
        limit: desired.deadlines.start,
      }
    : undefined;
}

export function isOverdue({elapsed, limit}: Due): boolean {
  return elapsed > limit;
}

function limitOf(kind: OperationKind, instance: Instance, deadlines: Deadlines): number {
  switch (kind) {
    case 'Create':
      return deadlines.create;
    case 'Start':
      // The first boot of an image that is not ours installs what is missing: still part of its creation.
      return instance.repository === undefined && instance.servicesHash === undefined
        ? Math.max(deadlines.create, deadlines.start)
        : deadlines.start;
    case 'Stop':
      return deadlines.stop + grace;
    case 'Clone':
    case 'Fetch':
      return deadlines.clone;
    case 'Setup':
      return deadlines.setup + grace;
    case 'Delete':
      return deadlines.stop + deadlines.create;
    case 'Export':
    case 'Import':
      // Whoever copies sees to it that it ends.
      return Number.POSITIVE_INFINITY;
    case 'Unfreeze':
    case 'Rename':
    case 'Configure':
      return deadlines.start;
  }
}
