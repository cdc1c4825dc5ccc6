import type {Action} from './action.ts';
import {retention} from './plan-deletion.ts';
import {planForwards} from './plan-forwards.ts';
import {planOperation} from './plan-operation.ts';
import {planPower} from './plan-power.ts';
import type {Present, Proposal, Situation} from './situation.ts';

/** Before the switch: what is to be moved is stopped and its ports are closed; then it is copied. */
export function planDeparture(present: Present): Proposal {
  const {instance, status, copy} = present;
  const {migration} = status;
  if (migration === undefined) {
    return {};
  }

  const resting = {...present, desired: {...present.desired, running: false}};
  const forwards = planForwards(resting);
  const wait = {reason: 'Moving', message: 'It is being moved.'};
  if (instance.operation?.kind === 'Export') {
    return {actions: forwards, wait};
  }

  const down = planOperation(resting) ?? planPower(resting);
  if (down !== undefined && (instance.state !== 'Stopped' || instance.operation !== undefined)) {
    return {...down, actions: [...forwards, ...(down.actions ?? [])]};
  }

  const attempt = migration.attempts ?? 0;
  const isMade = copy !== undefined && copy.attempt >= attempt;
  const {target, transfer} = migration;
  const begin: Action[] =
    isMade || forwards.length > 0 || instance.retired !== undefined
      ? []
      : [
          {
            type: 'Copy',
            provider: instance.provider,
            limits: present.desired.instance.limits,
            target,
            transfer,
            attempt,
          },
        ];
  return {actions: [...forwards, ...begin, ...(down?.actions ?? [])], wait};
}

/** What of a move goes before all else once the workspace is on this node; undefined when nothing does. */
export function planArrival({instance, status}: Present): Proposal | undefined {
  const {migration} = status;
  const {incoming, departing, operation} = instance;
  if (incoming !== undefined) {
    return incoming.transfer === migration?.transfer && operation === undefined
      ? {actions: [{type: 'Accept', transfer: incoming.transfer}]}
      : {wait: {reason: 'Copy', message: 'What is on its node is the copy of a move.', requeueAfter: 5000}};
  }

  return departing !== undefined && departing.transfer !== migration?.transfer
    ? {actions: [{type: 'Keep', transfer: departing.transfer}]}
    : undefined;
}

/** Removes what is left on the source, once the workspace is as it should be on its new node. */
export function planLeave({desired, instance, status, other}: Present): Action[] {
  const isUp = desired.running
    ? instance.state === 'Running' && instance.sshReady
    : instance.state === 'Stopped';
  return isUp && instance.incoming === undefined ? leave({status, other}, false) : [];
}

/** The same for one that is being deleted: it does not have to be up for that. */
export function planDeletedSource(situation: Situation): Proposal | undefined {
  const {sight, desired} = situation;
  const isThere = sight.kind === 'Present' && sight.instance.incoming === undefined;
  const actions = leave(situation, !isThere && desired.deletion !== 'force');
  return actions.length === 0
    ? undefined
    : {
        actions,
        wait: {
          reason: 'Operation',
          message: 'What is left on another node is being removed.',
          requeueAfter: 5000,
        },
      };
}

/** One that has run since it was copied, by hand, may hold what the copy does not. */
function leave({status, other}: Pick<Situation, 'status' | 'other'>, keepsWork: boolean): Action[] {
  const {migration} = status;
  if (migration?.phase !== 'Switched' || other?.kind !== 'Present') {
    return [];
  }

  const {state, lastStartedAt, operation, retired} = other.instance;
  if (operation !== undefined || retired !== undefined) {
    return [];
  }

  const isAsCopied = state === 'Stopped' && lastStartedAt === migration.sourceStartedAt;
  const mode = isAsCopied && !keepsWork ? 'always' : 'ifSaved';
  return [{type: 'Leave', node: migration.source, mode, retention}];
}
