import type {Action} from './action.ts';
import {isHeld} from './failures.ts';
import {planConfiguration} from './plan-configuration.ts';
import {planContent} from './plan-content.ts';
import {planDeletion} from './plan-deletion.ts';
import {planForwards, wantedForwards} from './plan-forwards.ts';
import {planArrival, planDeletedSource, planDeparture, planLeave} from './plan-move.ts';
import {planBoot, planOperation} from './plan-operation.ts';
import {noRoom, planPower} from './plan-power.ts';
import {planReplacement} from './replacement.ts';
import type {Present, Proposal, Release, Situation, Wait} from './situation.ts';

export type Plan = {
  /** Safe now, and safe together. */
  readonly actions: readonly Action[];
  /** `actions` and those that are held back after a failure. */
  readonly wanted: readonly Action[];
  readonly wait?: Wait;
  readonly release?: Release;
};

/** What to do next: never more than is safe on this evidence. Pure; the same situation has the same plan. */
export function plan(situation: Situation): Plan {
  const proposal = propose(situation);
  const wanted = proposal.actions ?? [];
  const actions = wanted.filter(action => !isHeld(situation.book, action, situation.now));
  const wait = actions.length === wanted.length ? proposal.wait : (heldWait(situation) ?? proposal.wait);
  return {
    actions,
    wanted,
    ...(wait !== undefined && {wait}),
    ...(proposal.release !== undefined && {release: proposal.release}),
  };
}

function propose(situation: Situation): Proposal {
  const {desired, sight, now} = situation;
  if (desired.deletion !== 'no') {
    return planDeletedSource(situation) ?? planDeletion(situation);
  }

  switch (sight.kind) {
    case 'Unplaced':
      return desired.running ? {wait: {reason: 'Placement', message: 'It has no node yet.'}} : {};
    case 'Unknown':
      return {wait: {reason: sight.cause.type, message: 'Its node does not answer.'}};
    case 'Quiet':
      return {
        wait: {
          reason: 'NodeQuiet',
          message: 'Its node has not reported yet.',
          requeueAfter: sight.expiresAt - now + 1,
        },
      };
    case 'Absent':
      return planAbsent(situation);
    case 'Present':
      return planPresent({...situation, instance: sight.instance, nodeTime: sight.nodeTime});
  }
}

/** Nothing is there: it is made, unless it is not to run. What sshd needs is all in the request; the ports open meanwhile. */
function planAbsent(situation: Situation): Proposal {
  const {desired, status, sight, book, now} = situation;
  if (situation.isLeaving) {
    return {actions: [{type: 'SetForwards', forwards: []}]};
  }

  // It is somewhere: nothing new is made in its place.
  if (status.migration !== undefined) {
    return {wait: {reason: 'Moving', message: 'It is being moved.'}};
  }

  if (!desired.running) {
    return {};
  }

  if (sight.kind === 'Absent' && sight.last?.operation !== undefined) {
    return {wait: {reason: 'Operation', message: `${sight.last.operation.kind} is under way.`}};
  }

  if (!situation.hasRoom) {
    return noRoom;
  }

  const create = {type: 'Create', spec: desired.instance} as const;
  const forwards = {type: 'SetForwards', forwards: wantedForwards(desired, status.ports ?? [])} as const;
  return {actions: isHeld(book, create, now) ? [create] : [create, forwards]};
}

function planPresent(present: Present): Proposal {
  if (present.status.migration?.phase === 'Copying') {
    return planDeparture(present);
  }

  const arrival = planArrival(present);
  if (arrival !== undefined) {
    return arrival;
  }

  const main =
    planOperation(present) ??
    planReplacement(present) ??
    planPower(present) ??
    planBoot(present) ??
    planContent(present);
  const isBusy = present.instance.operation !== undefined || present.instance.retired !== undefined;
  const alongside = [
    ...planForwards(present),
    ...(isBusy ? [] : planConfiguration(present)),
    ...planLeave(present),
  ];
  return {...main, actions: [...alongside, ...(main.actions ?? [])]};
}

function heldWait({book, now}: Situation): Wait | undefined {
  return book.nextAttemptAt === undefined || book.last === undefined
    ? undefined
    : {
        reason: 'BackOff',
        message: `${book.last.operation} failed ${book.count} times.`,
        requeueAfter: Math.max(1, book.nextAttemptAt - now),
      };
}
