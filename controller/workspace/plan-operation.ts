import type {OperationKind} from '../../api/agent/v1alpha1/instance.ts';
import type {Action} from './action.ts';
import {due, isOverdue} from './deadlines.ts';
import type {Desired} from './desired.ts';
import {retention} from './plan-deletion.ts';
import type {Present, Proposal} from './situation.ts';

/** Operations that a forced stop ends, so that what hangs can be tried again. Nothing but the operation is lost by it. */
const endedByStop: ReadonlySet<OperationKind> = new Set(['Start', 'Unfreeze', 'Clone', 'Fetch', 'Setup']);

/** Milliseconds between two looks at what should have ended. */
const overdueInterval = 5000;

/** While something runs in the instance, wait for its end; unless it has taken too long, or the workspace is to stop. */
export function planOperation(present: Present): Proposal | undefined {
  return present.instance.operation === undefined ? undefined : planDue(present);
}

/** The instance runs and sshd has not answered yet: wait, and after the deadline stop it so that it is started again. */
export function planBoot(present: Present): Proposal | undefined {
  const {instance} = present;
  if (instance.state !== 'Running' || instance.sshReady) {
    return undefined;
  }

  const wait = {reason: 'Boot', message: 'sshd has not answered yet.', requeueAfter: overdueInterval};
  return planDue(present) ?? {wait};
}

function planDue({desired, instance, nodeTime}: Present): Proposal | undefined {
  const running = due(instance, desired, nodeTime);
  if (running === undefined) {
    return undefined;
  }

  const {operation} = running;
  const end = endingOf(operation, desired);
  if (isOverdue(running)) {
    const message = `${operation} takes longer than it may.`;
    return {
      ...(end !== undefined && {actions: [end]}),
      wait: {reason: 'Overdue', message, requeueAfter: overdueInterval},
    };
  }

  if (!desired.running && end?.type === 'Stop') {
    const message = `${operation} is being ended.`;
    return {actions: [end], wait: {reason: 'Operation', message, requeueAfter: overdueInterval}};
  }

  const requeueAfter = running.limit - running.elapsed + overdueInterval;
  return {wait: {reason: 'Operation', message: `${operation} is under way.`, requeueAfter}};
}

/** What ends an operation; undefined for those that only a deletion may break off. */
function endingOf(operation: OperationKind, desired: Desired): Action | undefined {
  if (operation === 'Create') {
    // It has never run, so that there is no work in it; what is half made goes, and is made again.
    return {type: 'Delete', mode: 'ifSaved', retention};
  }

  return endedByStop.has(operation)
    ? {type: 'Stop', force: true, timeout: desired.deadlines.stop}
    : undefined;
}
