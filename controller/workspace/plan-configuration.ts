import type {Action} from './action.ts';
import {authorizedKeysHash} from './hashes.ts';
import type {Present} from './situation.ts';

/** What is changed on an instance as it runs: limits and keys. */
export function planConfiguration({desired, instance}: Present): Action[] {
  const actions: Action[] = [];
  if (instance.state !== 'Running' && instance.state !== 'Stopped') {
    return actions;
  }

  const {limits} = desired.instance;
  const present = instance.limits;
  if (
    present !== undefined &&
    (present.cpus !== limits.cpus || present.memory !== limits.memory || present.disk !== limits.disk)
  ) {
    actions.push({type: 'SetLimits', limits});
  }

  // Where the record of them was lost, a revoked key may still open the instance.
  const keys = desired.authorizedKeys;
  if (
    instance.state === 'Running' &&
    keys !== undefined &&
    instance.authorizedKeysHash !== authorizedKeysHash(keys)
  ) {
    actions.push({type: 'SetAuthorizedKeys', keys});
  }

  return actions;
}
