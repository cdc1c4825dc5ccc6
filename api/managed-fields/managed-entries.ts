import {z} from 'zod';
import type {FieldSet} from './field-set.ts';
import {isEmpty, setOf, union} from './field-set.ts';
import {decodeFields, encodeFields, fieldsV1} from './fields-v1.ts';

/** Who writes. */
export type Manager = {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource?: string | undefined;
};

/** What one manager owns of an object. */
export type ManagedEntry = Manager & {
  readonly apiVersion: string;
  /** RFC 3339: when it last changed something. */
  readonly time: string | undefined;
  readonly fields: FieldSet;
};

const wireEntry = z.object({
  manager: z.string().default(''),
  operation: z.enum(['Apply', 'Update']),
  apiVersion: z.string(),
  time: z.string().optional(),
  fieldsType: z.literal('FieldsV1'),
  fieldsV1: fieldsV1.optional(),
  subresource: z.string().optional(),
});

/** Managers that write without apply are kept one by one up to so many, as in Kubernetes. */
const keptUpdaters = 10;

/** Entries that a client may send: an honest object has one for each program that writes it. */
export const maximumEntries = 200;

/** `metadata.managedFields`; undefined for what can't be read. */
export function decodeEntries(managedFields: unknown): ManagedEntry[] | undefined {
  const parsed = z.array(wireEntry).safeParse(managedFields ?? []);
  return parsed.success
    ? parsed.data.map(({manager, operation, apiVersion, time, subresource, fieldsV1: fields = {}}) => ({
        name: manager,
        operation,
        apiVersion,
        time,
        subresource: subresource === '' ? undefined : subresource,
        fields: decodeFields(fields),
      }))
    : undefined;
}

/** As Kubernetes sorts them: appliers first, then by time and name. */
export function encodeEntries(entries: readonly ManagedEntry[]): object[] {
  return entries
    .toSorted(
      (left, right) =>
        left.operation.localeCompare(right.operation) ||
        (left.time ?? '').localeCompare(right.time ?? '') ||
        left.name.localeCompare(right.name) ||
        (left.subresource ?? '').localeCompare(right.subresource ?? ''),
    )
    .map(({name, operation, apiVersion, time, subresource, fields}) => ({
      apiVersion,
      fieldsType: 'FieldsV1',
      fieldsV1: encodeFields(fields),
      manager: name,
      operation,
      ...(subresource === undefined ? {} : {subresource}),
      ...(time === undefined ? {} : {time}),
    }));
}

export function isManager(entry: Manager, manager: Manager): boolean {
  return (
    entry.name === manager.name &&
    entry.operation === manager.operation &&
    entry.subresource === manager.subresource
  );
}

/** With `entry` in the place of its manager's; without it, if it owns nothing. */
export function withEntry(entries: readonly ManagedEntry[], entry: ManagedEntry): ManagedEntry[] {
  const others = entries.filter(other => !isManager(other, entry));
  return isEmpty(entry.fields) ? others : [...others, entry];
}

/** Those that wrote longest ago become one, so that an object that many programs write does not grow without end. */
export function capEntries(entries: readonly ManagedEntry[]): ManagedEntry[] {
  const updaters = entries
    .filter(({operation}) => operation === 'Update')
    .toSorted((left, right) => (left.time ?? '').localeCompare(right.time ?? ''));
  if (updaters.length <= keptUpdaters) {
    return [...entries];
  }

  const surplus = updaters.slice(0, updaters.length - keptUpdaters + 1);
  const folded = new Set(surplus);

  const [first] = surplus;
  return [
    ...entries.filter(entry => !folded.has(entry)),
    {
      name: 'ancient-changes',
      operation: 'Update',
      apiVersion: first?.apiVersion ?? '',
      time: surplus.at(-1)?.time,
      fields: surplus.reduce((set, {fields}) => union(set, fields), setOf()),
    },
  ];
}
