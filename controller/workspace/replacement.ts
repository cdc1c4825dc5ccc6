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

  const unsaved = instance.repository?.unsaved;
  const wasUnsaved =
    instance.retired !== undefined || findCondition(status.conditions, 'UpToDate')?.reason === 'UnsavedWork';
  return unsaved === true || (unsaved === undefined && wasUnsaved)
    ? {state: 'UnsavedWork'}
    : {state: 'Due', mode: 'ifSaved'};
}

/** Removes an instance that has to be replaced; an ordinary creation follows. Not while it is to be stopped: nothing would replace it. */
export function planReplacement(present: Present): Proposal | undefined {
  const replacement = replacementOf(present);
  const isKept =
    present.instance.retired !== undefined && replacement.state === 'Due' && replacement.mode === 'ifSaved';
  return present.desired.running && replacement.state === 'Due' && !isKept
    ? {actions: [{type: 'Delete', mode: replacement.mode, retention}]}
    : undefined;
}
