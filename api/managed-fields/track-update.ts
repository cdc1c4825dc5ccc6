import {changeOwners} from './change-owners.ts';
import type {FieldSet} from './field-set.ts';
import {difference, isEmpty, noFields, union} from './field-set.ts';
import type {ManagedEntry, Manager} from './managed-entries.ts';
import {capEntries, isManager, withEntry} from './managed-entries.ts';
import {withoutUnmanaged} from './unmanaged-fields.ts';
import type {ValueSchema} from './value-schema.ts';

export type UpdateToTrack = {
  /** Without managedFields, as `after`. */
  readonly before: unknown;
  readonly after: unknown;
  readonly manager: Manager;
  readonly apiVersion: string;
  readonly schema: ValueSchema;
  /** What can't be changed by this way, such as status by way of the object itself. */
  readonly ignored: FieldSet;
  readonly now: string;
};

/** Who owns what after `manager` has made `after` of `before`, by any other way than apply: what it changed is its own. */
export function trackUpdate(entries: readonly ManagedEntry[], update: UpdateToTrack): ManagedEntry[] {
  const {manager, apiVersion, now} = update;
  const {entries: others, comparison} = changeOwners(
    entries.filter(entry => !isManager(entry, manager)),
    update,
  );
  const taken = withoutUnmanaged(union(comparison.added, comparison.modified));
  const previous = entries.find(entry => isManager(entry, manager));
  const kept = difference(previous?.fields ?? noFields, comparison.removed);
  const next: ManagedEntry = {
    ...manager,
    apiVersion,
    time: isEmpty(taken) ? previous?.time : now,
    fields: union(kept, taken),
  };
  return capEntries(withEntry(others, next));
}
