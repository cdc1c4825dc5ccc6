import type {Mapping} from '../managed-fields/value-schema.ts';
import {isMapping} from '../managed-fields/value-schema.ts';
import {fieldAt, itemAt} from './field-path.ts';
import type {StructuralSchema} from './structural-schema.ts';
import {propertyOf} from './structural-schema.ts';

export type Pruned = {
  readonly value: unknown;
  /** Paths of the fields that the schema does not know, and that are not in `value`. */
  readonly unknown: readonly string[];
};

/** Those of metadata first, then all in order, as Kubernetes tells of them. */
export function inOrder(unknown: readonly string[]): string[] {
  const isOfMetadata = (path: string) => path.startsWith('metadata.');
  return [...unknown.filter(isOfMetadata).sort(), ...unknown.filter(path => !isOfMetadata(path)).sort()];
}

/** `value` with only the fields that `schema` knows. What is of another type than it should be stays, for the validation to say so. */
export function pruneUnknown(value: unknown, schema: StructuralSchema, path = ''): Pruned {
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) {
    return {value, unknown: []};
  }

  if (isMapping(value) && schema.type === 'object') {
    return pruneMapping(value, schema, path);
  }

  const {items} = schema;
  if (Array.isArray(value) && items !== undefined) {
    const parts = value.map((item, index) => pruneUnknown(item, items, itemAt(path, index)));
    return {
      value: parts.map(part => part.value),
      unknown: parts.flatMap(({unknown}) => unknown),
    };
  }

  return {value, unknown: []};
}

function pruneMapping(value: Mapping, schema: StructuralSchema, path: string): Pruned {
  const entries: [string, unknown][] = [];
  const unknown: string[] = [];
  for (const [name, part] of Object.entries(value)) {
    const inner = propertyOf(schema, name);
    if (inner === undefined) {
      unknown.push(fieldAt(path, name));
      continue;
    }

    const pruned = pruneUnknown(part, inner, fieldAt(path, name));
    entries.push([name, pruned.value]);
    for (const at of pruned.unknown) {
      unknown.push(at);
    }
  }

  return {value: Object.fromEntries(entries), unknown};
}
