import type {OperationKind} from '../../api/agent/v1alpha1/instance.ts';
import {timestampAt} from '../../api/effects/clock.ts';
import type {ConditionStatement} from '../../api/v1alpha1/condition.ts';
import type {FailureBook} from './failures.ts';
import type {Sight} from './sight.ts';

/**
 * What a workspace's status says about it, one condition each. `True` is good in all of them. Reasons, by type; where an attempt failed, the
 * reason is the code of the failure instead (ImageNotFound, TimedOut, …) and the message says when it is tried again.
 *
 * - Scheduled: Placed; NoNodes, Unschedulable, PortsExhausted, NotStarted.
 * - PortsAllocated: Allocated, GatewayOnly; PortsExhausted, ForwardFailed, NotPlaced.
 * - Provisioned: Created; Creating, NotCreated.
 * - SshReady: Answering; Starting, Stopped, NoKeys, OwnerUnknown; NodeUnreachable, NodeRemoved (Unknown).
 * - RepositoryCloned: Cloned, NotDeclared; Cloning, Waiting.
 * - SetupSucceeded: Succeeded, NotDeclared; Running, SetupFailed, ConfigurationInvalid, Waiting.
 * - ServicesHealthy: Healthy, NotDeclared; ServicesStarting, ServiceUnhealthy, ServiceFailed, Stopped, Waiting; NodeUnreachable, NodeRemoved (Unknown).
 * - UpToDate: UpToDate; RecreateNeeded, UnsavedWork, Recreating, NotMerged, Fetching, RestartNeeded.
 * - InPlace, once its node was drained: InPlace; Moving, MoveQueued, MoveFailed, CannotMove.
 * - Ready: Ready; Moving, Stopped, Deleting, InvalidSpec, or the reason of the first of the above that is not True (UpToDate and InPlace apart).
 */
export type ConditionType =
  | 'Scheduled'
  | 'PortsAllocated'
  | 'Provisioned'
  | 'SshReady'
  | 'RepositoryCloned'
  | 'SetupSucceeded'
  | 'ServicesHealthy'
  | 'UpToDate'
  | 'InPlace'
  | 'Ready';

export type Because = {readonly reason: string; readonly message: string};

/** What a policy finds of one condition; `undefined`: nothing is known that was not known before. */
export type Finding = (Because & {readonly status: 'True' | 'False' | 'Unknown'}) | undefined;

export function yes(reason: string, message: string): NonNullable<Finding> {
  return {status: 'True', reason, message};
}

export function no(reason: string, message: string): NonNullable<Finding> {
  return {status: 'False', reason, message};
}

export function statement(
  type: ConditionType,
  finding: NonNullable<Finding>,
  observedGeneration: number,
): ConditionStatement {
  return {type, ...finding, observedGeneration};
}

/** The last failure, when it is of one of these operations, as the reason why something is not so. */
export function failed(book: FailureBook, ...operations: readonly (OperationKind | string)[]): Finding {
  const {last, count, nextAttemptAt} = book;
  if (count === 0 || last === undefined || !operations.includes(last.operation)) {
    return undefined;
  }

  const attempts = count === 1 ? 'once' : `${count} times in a row`;
  const next = nextAttemptAt === undefined ? '' : `; next attempt at ${timestampAt(nextAttemptAt)}`;
  return no(last.code, `${sentence(last.message)} Failed ${attempts}${next}.${cureOf(last.code)}`);
}

/** Nothing may be said of what runs on a node that is not heard. Names the time, not the age, so that it is written once. */
export function silence(
  sight: Extract<Sight, {kind: 'Unknown'}>,
  lastSeen: string | undefined,
): NonNullable<Finding> {
  const {cause} = sight;
  if (cause.type === 'NodeRemoved') {
    const message = `Node ${cause.node}, where it was placed, has been removed. Add the node again, or give the workspace up with: nexus delete --force`;
    return {status: 'Unknown', reason: cause.type, message};
  }

  const heard = cause.heardAt === undefined ? lastSeen : timestampAt(cause.heardAt);
  const since = heard === undefined ? 'has never been heard from' : `was last heard from at ${heard}`;
  const why = cause.error === undefined ? '' : ` (${cause.error})`;
  const message = `Node ${cause.node} ${since}${why}. Nothing is done until it answers; see: nexus node status ${cause.node}`;
  return {status: 'Unknown', reason: cause.type, message};
}

function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

const cures: ReadonlyMap<string, string> = new Map([
  ['ImageNotFound', ' Change spec.image to one that the node has or can reach.'],
  ['RepositoryNotFound', ' Check spec.repo.url; a private repository needs a credential of its owner.'],
  [
    'AuthenticationFailed',
    ' Give the server a credential for this git host: nexus user set-credential HOST (passwords go over https only, keys over ssh)',
  ],
  ['NoSpace', ' Free disk space on the node, or ask for less in resources.disk.'],
]);

function cureOf(code: string): string {
  return cures.get(code) ?? '';
}
