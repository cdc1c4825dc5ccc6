import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {PortAllocation, ServiceStatus, WorkspaceStatus} from '../../api/v1alpha1/workspace.ts';
import type {ConditionType} from './conditions.ts';
import type {Desired} from './desired.ts';
import {instanceName} from './plan-power.ts';
import type {Sight} from './sight.ts';

/** Something that people will want to know happened to a workspace; becomes an Event. */
export type Happening = {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
};

/** What somebody did to the instance behind our back since status was written. */
export function driftOf(previous: WorkspaceStatus, desired: Desired, sight: Sight): Happening[] {
  const before = previous.instance;
  if (before === undefined || before.state === 'Creating' || desired.deletion !== 'no') {
    return [];
  }

  // It is stopped by a move, and what is seen may be another copy than what was.
  if (previous.migration !== undefined) {
    return [];
  }

  if (sight.kind === 'Absent') {
    const isOurs = findCondition(previous.conditions, 'UpToDate')?.reason === 'Recreating';
    const message = `Instance ${before.name} is gone from its node. It is made anew, and the repository is cloned again.`;
    return isOurs ? [] : [warning('InstanceLost', message)];
  }

  if (sight.kind !== 'Present' || sight.instance.operation !== undefined) {
    return [];
  }

  const {state, name, uid} = sight.instance;
  const happenings: Happening[] = [];
  if (name !== before.name && name !== instanceName(uid)) {
    happenings.push(warning('InstanceRenamed', `Instance ${before.name} was renamed to ${name}.`));
  }

  const wasLeftRunning = before.state === 'Running' && previous.operationStartedAt === undefined;
  if (state === 'Stopped' && wasLeftRunning && desired.running) {
    const message = 'The instance was stopped, and not by Nexus; it is started again.';
    happenings.push(warning('InstanceStoppedUnexpectedly', message));
  }

  if (state === 'Frozen' && before.state !== 'Frozen') {
    happenings.push(warning('InstanceFrozen', 'The instance was frozen, and not by Nexus; it is thawed.'));
  }

  if (state === 'Running' && before.state === 'Stopped' && !desired.running) {
    const message = 'The instance was started although the workspace is to be stopped; it is stopped again.';
    happenings.push(warning('InstanceStartedUnexpectedly', message));
  }

  return happenings;
}

/** What a new status says that the one before did not. */
export function transitionsOf(previous: WorkspaceStatus, next: WorkspaceStatus): Happening[] {
  return [
    ...conditionTransitions(previous, next),
    ...failureTransition(previous, next),
    ...(next.services ?? []).flatMap(service =>
      serviceTransition(
        previous.services?.find(({name}) => name === service.name),
        service,
      ),
    ),
  ];
}

/** What became of its ports. */
export function portTransitions(
  previous: readonly PortAllocation[],
  next: readonly PortAllocation[],
): Happening[] {
  return next.flatMap(({name, nodePort}) => {
    const before = previous.find(port => port.name === name)?.nodePort;
    if (before === nodePort) {
      return [];
    }

    return before === undefined
      ? [normal('PortAllocated', `Port ${nodePort} of the node leads to ${name}.`)]
      : [
          warning(
            'PortMoved',
            `Another program on the node holds port ${before}: port ${nodePort} leads to ${name} from now on.`,
          ),
        ];
  });
}

/** Reason of the event when a condition comes to be True. */
const achievements: readonly (readonly [ConditionType, string, string | undefined])[] = [
  ['Provisioned', 'InstanceCreated', 'Created'],
  ['SshReady', 'InstanceStarted', 'Answering'],
  ['RepositoryCloned', 'RepositoryCloned', 'Cloned'],
  ['SetupSucceeded', 'SetupSucceeded', 'Succeeded'],
  ['Ready', 'Ready', undefined],
];

/** Reasons that are worth an event when a condition first gives them. */
const setbacks: ReadonlySet<string> = new Set([
  'NoNodes',
  'Unschedulable',
  'PortsExhausted',
  'ForwardFailed',
  'NodeUnreachable',
  'NodeRemoved',
  'RecreateNeeded',
  'UnsavedWork',
  'NotMerged',
  'ConfigurationInvalid',
  'InvalidSpec',
  'OwnerUnknown',
]);

function conditionTransitions(previous: WorkspaceStatus, next: WorkspaceStatus): Happening[] {
  const happenings: Happening[] = [];
  for (const [type, event, reason] of achievements) {
    const now = findCondition(next.conditions, type);
    const isNew = findCondition(previous.conditions, type)?.status !== 'True';
    if (now?.status === 'True' && isNew && (reason === undefined || now.reason === reason)) {
      happenings.push(normal(event, now.message));
    }
  }

  const told = new Set<string>();
  for (const now of next.conditions ?? []) {
    const before = findCondition(previous.conditions, now.type);
    if (now.status !== 'True' && now.reason !== before?.reason && setbacks.has(now.reason)) {
      if (!told.has(now.reason)) {
        happenings.push(warning(now.reason, now.message));
      }

      told.add(now.reason);
    }
  }

  if (next.phase === 'Stopped' && previous.phase !== undefined && previous.phase !== 'Stopped') {
    happenings.push(normal('InstanceStopped', 'The workspace is stopped.'));
  }

  return happenings;
}

function failureTransition(previous: WorkspaceStatus, next: WorkspaceStatus): Happening[] {
  const failure = next.lastFailure;
  const isNew = (next.failures ?? 0) > 0 && failure?.at !== previous.lastFailure?.at;
  return failure === undefined || !isNew
    ? []
    : [warning(`${failure.operation}Failed`, `${failure.code}: ${failure.message}`)];
}

const broken: ReadonlySet<string> = new Set(['BackOff', 'Failed']);

function serviceTransition(before: ServiceStatus | undefined, now: ServiceStatus): Happening[] {
  const {name, status, exitCode, lastError} = now;
  const detail = `${exitCode === undefined ? '' : `, exit code ${exitCode}`}${lastError === undefined ? '' : `: ${lastError}`}`;
  const wasBroken = before !== undefined && broken.has(before.status);
  if (broken.has(status) && !wasBroken) {
    return [warning('ServiceFailed', `Service ${name} ended${detail}.`)];
  }

  if (status === 'Unhealthy' && before?.status !== 'Unhealthy') {
    return [warning('ServiceUnhealthy', `Service ${name} is unhealthy${detail}.`)];
  }

  if (status !== 'Healthy' || before === undefined) {
    return [];
  }

  if (wasBroken || before.status === 'Unhealthy') {
    return [normal('ServiceRecovered', `Service ${name} is healthy again.`)];
  }

  return before.status === 'Healthy' && now.restarts > before.restarts
    ? [warning('ServiceRestarted', `Service ${name} had ended and was started again${detail}.`)]
    : [];
}

function normal(reason: string, message: string): Happening {
  return {type: 'Normal', reason, message};
}

function warning(reason: string, message: string): Happening {
  return {type: 'Warning', reason, message};
}
