import {isDeepStrictEqual} from 'node:util';
import type {Conflict} from './change-owners.ts';
import {changeOwners} from './change-owners.ts';
import type {FieldSet} from './field-set.ts';
import {difference, intersection, isEmpty, noFields, recursiveDifference, union} from './field-set.ts';
import {fieldsOf, withDeclaredFields} from './fields-of.ts';
import type {ManagedEntry, Manager} from './managed-entries.ts';
import {isManager, withEntry} from './managed-entries.ts';
import {mergeValues} from './merge-values.ts';
import {removeFields} from './remove-fields.ts';
import {trackUpdate} from './track-update.ts';
import {withoutUnmanaged} from './unmanaged-fields.ts';
import type {ValueSchema} from './value-schema.ts';

export type Application = {
  /** What is there, without managedFields; for what is to be created, apiVersion and kind alone. */
  readonly live: unknown;
  readonly config: unknown;
  readonly manager: Manager;
  readonly apiVersion: string;
  readonly schema: ValueSchema;
  /** What can't be changed by this way. */
  readonly ignored: FieldSet;
  /** Takes from others what they own. */
  readonly force: boolean;
  readonly now: string;
};

export type Applied =
  | {readonly outcome: 'Applied'; readonly object: unknown; readonly entries: readonly ManagedEntry[]}
  | {readonly outcome: 'Conflicts'; readonly conflicts: readonly Conflict[]};

/**
 * Server-side apply, as Kubernetes' structured-merge-diff does it: `config` is merged into `live`, what this manager applied before and gives no longer
 * is removed unless another owns it, and what another owns and would change is a conflict unless forced.
 */
export function applyConfiguration(entries: readonly ManagedEntry[], application: Application): Applied {
  const {live, config, manager, apiVersion, schema, ignored, now} = application;
  const known = entries.length === 0 ? firstEntries(application) : entries;
  const last = known.find(entry => isManager(entry, manager));
  const claim = recursiveDifference(fieldsOf(config, schema), ignored);
  const claimed = withEntry(known, {...manager, apiVersion, time: last?.time, fields: claim});
  const merged = mergeValues(live, config, schema);
  const object = prune(merged, {owned: claimed, last: last?.fields ?? noFields, schema});
  const after = changeOwners(claimed, {before: live, after: object, manager, schema, ignored});
  if (!application.force && after.conflicts.length > 0) {
    return {outcome: 'Conflicts', conflicts: after.conflicts};
  }

  const time = isDeepStrictEqual(object, live) ? last?.time : now;
  return {
    outcome: 'Applied',
    object,
    entries: withEntry(after.entries, {...manager, apiVersion, time, fields: withoutUnmanaged(claim)}),
  };
}

/** What was there before anybody applied belongs to one who never applies. */
function firstEntries({live, apiVersion, schema, ignored, now}: Application): ManagedEntry[] {
  return trackUpdate([], {
    before: {},
    after: live,
    manager: {name: 'before-first-apply', operation: 'Update'},
    apiVersion,
    schema,
    ignored,
    now,
  });
}

/** Without what only the last application of this manager has brought in. */
function prune(
  merged: unknown,
  {owned, last, schema}: {owned: readonly ManagedEntry[]; last: FieldSet; schema: ValueSchema},
): unknown {
  if (isEmpty(last)) {
    return merged;
  }

  const declared = (set: FieldSet) => withDeclaredFields(set, schema);
  const all = declared(fieldsOf(merged, schema));
  const without = removeFields(merged, declared(last), schema);
  const everybodys = owned.reduce((set, {fields}) => union(set, fields), noFields);
  const kept = union(declared(fieldsOf(without, schema)), declared(everybodys));
  const backed = removeFields(merged, difference(all, kept), schema);
  const gone = difference(all, declared(fieldsOf(backed, schema)));
  return removeFields(merged, intersection(gone, declared(last)), schema);
}
