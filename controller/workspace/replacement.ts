import {findCondition} from '../../api/v1alpha1/condition.ts';
import {retention} from './plan-deletion.ts';
import type {Present, Proposal} from './situation.ts';

/** Whether the instance is one of the wanted spec, and if not, what becomes of it. */
export type Replacement =
  | {readonly state: 'NotNeeded'}
  /** Needed, and the user has not agreed. */
  | {readonly state: 'NotAllowed'}
  /** Needed and agreed, but work in it would be lost. */
  | {readonly state: 'UnsavedWork'}
  | {readonly state: 'Due'; readonly mode: 'ifSaved' | 'always'};

export function replacementOf({
  desired,
  instance,
  status,
}: Pick<Present, 'desired' | 'instance' | 'status'>): Replacement {
  if (instance.specHash === undefined || instance.specHash === desired.instance.specHash) {
    return {state: 'NotNeeded'};
  }

  if (desired.recreate === 'force') {
    return {state: 'Due', mode: 'always'};
  }

  if (desired.recreate === 'no') {
    return {state: 'NotAllowed'};
  }

  // What was found when it was about to be replaced holds until a stop has looked again.
  const wasFound = instance.retired !== undefined || (desired.running && isSaid(status));
  return instance.repository?.unsaved === true || wasFound
    ? {state: 'UnsavedWork'}
    : {state: 'Due', mode: 'ifSaved'};
}

/** Removes an instance that has to be replaced; an ordinary creation follows. Not while it is to be stopped: nothing would replace it. */
export function planReplacement(present: Present): Proposal | undefined {
  const {desired, instance, status} = present;
  const replacement = replacementOf(present);
  if (replacement.state === 'UnsavedWork' && instance.retired !== undefined && !isSaid(status)) {
    // Status must remember it before the mark is taken off, or it would be tried over and over.
    const message = 'It was to be replaced and holds unsaved work.';
    return {wait: {reason: 'UnsavedWork', message, requeueAfter: 1}};
  }

  return desired.running && replacement.state === 'Due'
    ? {actions: [{type: 'Delete', mode: replacement.mode, retention}]}
    : undefined;
}

function isSaid({conditions}: Present['status']): boolean {
  return findCondition(conditions, 'UpToDate')?.reason === 'UnsavedWork';
}
