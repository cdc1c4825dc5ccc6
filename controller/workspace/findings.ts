import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {ServiceStatus, WorkspaceStatus} from '../../api/v1alpha1/workspace.ts';
import type {Finding} from './conditions.ts';
import {failed, no, silence, yes} from './conditions.ts';
import type {Desired} from './desired.ts';
import type {FailureBook} from './failures.ts';
import type {Movement} from './movement.ts';
import type {Placement} from './placement.ts';
import {replacementOf} from './replacement.ts';
import type {Sight} from './sight.ts';
import {instanceOf} from './sight.ts';

/** What the conditions are found from. `status`: node and ports as they are now, the rest as last written. */
export type Evidence = {
  readonly desired: Desired;
  readonly sight: Sight;
  readonly status: WorkspaceStatus;
  readonly placement: Placement;
  readonly movement: Movement;
  readonly book: FailureBook;
  /** The server's, if it has one. */
  readonly gateway?: object | undefined;
  readonly services: readonly ServiceStatus[];
};

export function findScheduled({status, placement, desired, sight}: Evidence): Finding {
  if (status.node !== undefined) {
    if (placement.kind !== 'Cramped') {
      return yes('Placed', `It is on node ${status.node}.`);
    }

    return instanceOf(sight)?.state === 'Running'
      ? yes(
          'Placed',
          `It is on node ${status.node}, which has not set aside all that it asks for: ${placement.message}.`,
        )
      : no('Unschedulable', `Its node can't take it: ${placement.message}. It goes on when there is room.`);
  }

  if (placement.kind === 'Unplaced') {
    return no(placement.reason, placement.message);
  }

  return desired.running
    ? no('Unschedulable', 'It is being placed.')
    : no('NotStarted', `It gets a node when it is first started: nexus workspace start ${desired.name}`);
}

/** Undefined for one that was never to be anywhere else. */
export function findInPlace({movement, status}: Evidence): Finding {
  switch (movement.kind) {
    case 'Waits':
      return no(movement.reason, movement.message);
    case 'Moves':
    case 'Leaves':
      return no('Moving', movement.message);
    case 'Stays':
    case 'Changed': {
      const isSaid = findCondition(status.conditions, 'InPlace') !== undefined;
      return isSaid ? yes('InPlace', status.lastMove?.message ?? 'It is where it is to be.') : undefined;
    }
  }
}

/** It is down since it is being moved. */
export function findMoving({movement, status}: Evidence): Finding {
  return movement.kind === 'Moves' && status.migration?.phase === 'Copying'
    ? no('Moving', movement.message)
    : undefined;
}

export function findPortsAllocated({status, placement, desired, sight, gateway}: Evidence): Finding {
  const {ports = []} = status;
  if (status.node === undefined) {
    return placement.kind === 'Unplaced' && placement.reason === 'PortsExhausted'
      ? no('PortsExhausted', placement.message)
      : no('NotPlaced', 'Ports are given together with a node.');
  }

  const missing = desired.ports.filter(({name}) => ports.every(port => port.name !== name));
  const isReachable = gateway !== undefined && missing.every(({name}) => name === 'ssh');
  if (missing.length > 0 && !isReachable) {
    const names = missing.map(({name}) => name).join(', ');
    return no(
      'PortsExhausted',
      `No port of node ${status.node} is free for ${names}; one is given as soon as another workspace releases it.`,
    );
  }

  const broken = (instanceOf(sight)?.forwards ?? []).find(({state}) => state === 'Failed');
  if (broken !== undefined) {
    const {name, nodePort, message} = broken;
    return no(
      'ForwardFailed',
      `Port ${nodePort} of the node can't be opened for ${name}: ${message ?? 'no reason given'}`,
    );
  }

  const allocated = ports.map(({name, nodePort}) => `${name} on ${nodePort}`).join(', ');
  return missing.length === 0
    ? yes('Allocated', `${allocated}.`)
    : yes(
        'GatewayOnly',
        `No port of node ${status.node} is free for ssh: it is reached through the gateway, with nexus ssh ${desired.name}, until another workspace releases one.${allocated === '' ? '' : ` Allocated: ${allocated}.`}`,
      );
}

export function findProvisioned({sight, book}: Evidence): Finding {
  switch (sight.kind) {
    case 'Present': {
      const {instance} = sight;
      const isBeingMade = instance.state === 'Creating' || instance.operation?.kind === 'Create';
      return isBeingMade
        ? (failed(book, 'Create') ?? no('Creating', 'Its instance is being created.'))
        : yes('Created', `Instance ${instance.name} exists.`);
    }
    case 'Absent':
    case 'Unplaced':
      return failed(book, 'Create') ?? no('NotCreated', 'There is no instance yet.');
    default:
      return undefined;
  }
}

export function findSshReady(evidence: Evidence): Finding {
  const {desired, sight, status, book} = evidence;
  if (sight.kind === 'Unknown') {
    return silence(sight, status.observedAt);
  }

  if (!desired.running) {
    return (
      failed(book, 'Stop') ??
      no('Stopped', `It is stopped; start it with: nexus workspace start ${desired.name}`)
    );
  }

  const instance = instanceOf(sight);
  if (instance?.state !== 'Running' || !instance.sshReady) {
    return (
      findMoving(evidence) ??
      failed(book, 'Create', 'Start', 'Stop', 'Unfreeze', 'Rename', 'Delete') ??
      no('Starting', 'Its sshd does not answer yet.')
    );
  }

  if (desired.authorizedKeys === undefined) {
    return no(
      'OwnerUnknown',
      'Its owner (spec.owner) is no User here, so nobody new can log in. Make that User, or name another.',
    );
  }

  return desired.authorizedKeys.length === 0
    ? no('NoKeys', 'Its owner has no ssh key, so nobody can log in; add one with: nexus ssh setup')
    : yes('Answering', 'Its sshd answers.');
}

export function findUpToDate({desired, sight, status, book}: Evidence): Finding {
  const instance = instanceOf(sight);
  if (instance === undefined) {
    return sight.kind === 'Unknown' ? undefined : yes('UpToDate', 'Nothing is older than its spec.');
  }

  const {name} = desired;
  const replacement = replacementOf({desired, instance, status});
  switch (replacement.state) {
    case 'NotAllowed':
      return no(
        'RecreateNeeded',
        `Its image or provider was changed, which needs a new instance; commit and push, then: nexus apply --recreate (annotation nexus.dev/recreate on ${name})`,
      );
    case 'UnsavedWork':
      return no(
        'UnsavedWork',
        'It needs a new instance, and the present one holds work that is not committed and pushed. Push it, then stop and start the workspace; or lose it with: nexus apply --recreate --force',
      );
    case 'Due':
      return no(
        'Recreating',
        desired.running
          ? 'Its instance is being replaced.'
          : 'Its instance is replaced when it is next started.',
      );
    case 'NotNeeded':
      return findContentUpToDate(instance, {desired, book});
  }
}

function findContentUpToDate(
  instance: Instance,
  {desired, book}: Pick<Evidence, 'desired' | 'book'>,
): Finding {
  const {repository} = instance;
  if (repository?.notMerged !== undefined) {
    return no('NotMerged', `New commits were fetched and not merged: ${repository.notMerged}`);
  }

  const failure = failed(
    book,
    'Fetch',
    'Configure',
    'SetLimits',
    'SetAuthorizedKeys',
    'SetForwards',
    'Restore',
  );
  const bundle = desired.repository?.bundle?.commit;
  const isBehind =
    bundle !== undefined &&
    repository !== undefined &&
    repository.bundleCommit !== bundle &&
    repository.commit !== bundle;
  return (
    failure ??
    (isBehind
      ? no('Fetching', `Commit ${bundle.slice(0, 12)} is being fetched.`)
      : instance.limitsPending === true
        ? no(
            'RestartNeeded',
            'Its resources were changed, which takes effect once it is stopped and started.',
          )
        : yes('UpToDate', 'Nothing is older than its spec.'))
  );
}
