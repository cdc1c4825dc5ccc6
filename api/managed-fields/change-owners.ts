import type {Comparison} from './compare-values.ts';
import {compareValues} from './compare-values.ts';
import type {FieldSet} from './field-set.ts';
import {difference, intersection, isEmpty, recursiveDifference, union} from './field-set.ts';
import type {ManagedEntry, Manager} from './managed-entries.ts';
import {isManager} from './managed-entries.ts';
import type {ValueSchema} from './value-schema.ts';

/** What is in the way of an apply: somebody else owns it, and it would change. */
export type Conflict = {readonly entry: ManagedEntry; readonly fields: FieldSet};

export type OwnersAfter = {
  /** Whoever owned what changes, or goes, does not own it any more. */
  readonly entries: readonly ManagedEntry[];
  readonly conflicts: readonly Conflict[];
  readonly comparison: Comparison;
};

/** What the change from `before` to `after` by `manager` takes from all others. `ignored` is what can't be changed by this way at all. */
export function changeOwners(
  entries: readonly ManagedEntry[],
  {
    before,
    after,
    manager,
    schema,
    ignored,
  }: {
    before: unknown;
    after: unknown;
    manager: Manager;
    schema: ValueSchema;
    ignored: FieldSet;
  },
): OwnersAfter {
  const all = compareValues(before, after, schema);
  const comparison = {
    added: recursiveDifference(all.added, ignored),
    modified: recursiveDifference(all.modified, ignored),
    removed: recursiveDifference(all.removed, ignored),
  };
  const changed = union(comparison.added, comparison.modified);
  const conflicts: Conflict[] = [];
  const next = entries.map(entry => {
    if (isManager(entry, manager)) {
      return entry;
    }

    const lost = intersection(entry.fields, changed);
    if (!isEmpty(lost)) {
      conflicts.push({entry, fields: lost});
    }

    return {...entry, fields: difference(difference(entry.fields, lost), comparison.removed)};
  });
  return {
    entries: next.filter(entry => isManager(entry, manager) || !isEmpty(entry.fields)),
    conflicts,
    comparison,
  };
}
