import type {OperationKind} from '../../api/agent/v1alpha1/instance.ts';
import {due, isOverdue} from './deadlines.ts';
import type {Present, Proposal} from './situation.ts';

/** Operations that a forced stop ends, so that what hangs can be tried again. Nothing but the operation is lost by it. */
const endedByStop: ReadonlySet<OperationKind> = new Set([
  'Create',
  'Start',
  'Stop',
  'Unfreeze',
  'Rename',
  'Clone',
  'Fetch',
  'Setup',
]);

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
  const stop = {type: 'Stop', force: true, timeout: desired.deadlines.stop} as const;
  if (isOverdue(running) && endedByStop.has(operation)) {
    return {
      actions: [stop],
      wait: {
        reason: 'Overdue',
        message: `${operation} takes longer than it may and is being ended.`,
        requeueAfter: overdueInterval,
      },
    };
  }

  const isToStop = !desired.running && operation !== 'Stop' && operation !== 'Delete';
  if (isToStop) {
    return {
      actions: [stop],
      wait: {
        reason: 'Operation',
        message: `${operation} is being ended.`,
        requeueAfter: overdueInterval,
      },
    };
  }

  const requeueAfter = isOverdue(running)
    ? overdueInterval
    : running.limit - running.elapsed + overdueInterval;
  return {wait: {reason: 'Operation', message: `${operation} is under way.`, requeueAfter}};
}
