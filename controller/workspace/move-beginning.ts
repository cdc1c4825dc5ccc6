import {timestampAt} from '../../api/effects/clock.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Movement, MoveOptions} from './movement.ts';
import {moveRequest} from './movement.ts';
import type {Candidate, PlacementRequest, Schedule} from './schedule.ts';
import {schedule} from './schedule.ts';

/** Where a workspace of a drained node goes, and whether it may begin to. */
export function decideBeginning(
  workspace: Stored<'Workspace'>,
  source: string,
  options: MoveOptions & {readonly drain: NonNullable<MoveOptions['drain']>},
): Movement {
  const {drain, sight, status, now} = options;
  const cannot = (why: string): Movement => ({
    kind: 'Waits',
    reason: 'CannotMove',
    message: `Node ${source} is being drained. ${why}`,
  });
  if (drain.until !== undefined && now >= Date.parse(drain.until)) {
    return cannot('Its time is over, so that no more moves are begun.');
  }

  if (sight.kind !== 'Present' && sight.kind !== 'Absent') {
    return cannot('It does not answer, so that nothing can be moved away from it.');
  }

  const next = Date.parse(status.lastMove?.nextAttemptAt ?? '');
  const isAskedAnew = Date.parse(drain.requestedAt ?? '') > Date.parse(status.lastMove?.at ?? '');
  if (next > now && !isAskedAnew) {
    return {
      kind: 'Waits',
      reason: 'MoveFailed',
      message: `Moving it to node ${status.lastMove?.target} failed: ${status.lastMove?.message} It is tried again at ${status.lastMove?.nextAttemptAt}.`,
      requeueAfter: next - now + 1,
    };
  }

  const {last} = sight.kind === 'Absent' ? sight : {};
  if (last?.operation !== undefined) {
    return queued(`${last.operation.kind} is under way.`);
  }

  const place = choosePlace(workspace, source, options);
  if (place.kind === 'Unplaced') {
    return cannot(place.message);
  }

  const {node: target, ports} = place;
  if (sight.kind === 'Absent') {
    const message = `It goes to node ${target}, and is made there: there is nothing of it on ${source}.`;
    return (last?.forwards.length ?? 0) > 0
      ? {kind: 'Leaves', message}
      : {
          kind: 'Changed',
          status: {...status, node: target, ports: [...ports], reserved: {...options.desired.reservation}},
          place: {node: target, ports, reserved: options.desired.reservation},
          happenings: [{type: 'Normal', reason: 'Moved', message}],
        };
  }

  if (!options.hasSlot()) {
    return queued(
      `Others are being moved away from node ${source}; its turn comes when one of them is there.`,
    );
  }

  return {
    kind: 'Changed',
    status: {
      ...status,
      migration: {
        source,
        target,
        transfer: options.newTransfer(),
        phase: 'Copying',
        startedAt: timestampAt(now),
      },
    },
    place: {node: target, ports: [], reserved: options.desired.reservation},
    happenings: [
      {
        type: 'Normal',
        reason: 'MoveStarted',
        message: `Node ${source} is being drained: it is stopped, copied to node ${target} and started there.`,
      },
    ],
  };
}

/** The node that it goes to from `source`, or why there is none. */
export function choosePlace(
  workspace: Stored<'Workspace'>,
  source: string,
  {
    desired,
    drain,
    sight,
    gateway,
    candidates,
  }: Pick<MoveOptions, 'desired' | 'drain' | 'sight' | 'gateway' | 'candidates'>,
): Schedule {
  const all = candidates();
  const others = all.filter(
    ({node: {metadata}}) =>
      metadata.name !== source && (drain?.to === undefined || metadata.name === drain.to),
  );
  if (others.length === 0) {
    const message = drain?.to === undefined ? 'There is no other node.' : `There is no node ${drain.to}.`;
    return {kind: 'Unplaced', reason: 'NoNodes', message};
  }

  const request = moveRequest(workspace, desired);
  const find = (moved: PlacementRequest['moved']): Schedule => {
    const wanted = {...request, ...(moved !== undefined && {moved})};
    const found = schedule(wanted, others);
    return gateway && found.kind === 'Unplaced' && found.reason === 'PortsExhausted'
      ? schedule({...wanted, ports: request.ports.filter(({name}) => name !== 'ssh')}, others)
      : found;
  };
  if (sight.kind !== 'Present') {
    return find(undefined);
  }

  const {provider} = sight.instance;
  const format = formatOn(
    all.find(({node}) => node.metadata.name === source),
    provider,
  );
  return format === undefined
    ? {
        kind: 'Unplaced',
        reason: 'Unschedulable',
        message: `Instances of provider ${provider} there can't be moved (or its agent is too old to).`,
      }
    : find({provider, format});
}

/** As what the instances of a provider are moved; undefined where they can't be. */
function formatOn(candidate: Candidate | undefined, provider: string): string | undefined {
  return candidate?.facts?.providers.find(({name}) => name === provider)?.transferFormat;
}

function queued(message: string): Movement {
  return {kind: 'Waits', reason: 'MoveQueued', message};
}
