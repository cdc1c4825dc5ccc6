import {age} from '../v1alpha1/age.ts';
import type {Column} from '../v1alpha1/crd-columns.ts';
import {columnsOf} from '../v1alpha1/crd-columns.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';

/** Whether the caller, kubectl most likely, asks for a Table: `application/json;as=Table;v=v1;g=meta.k8s.io`. */
export function wantsTable(accept: string | undefined): boolean {
  return /(?:^|,)\s*application\/json\s*;(?=[^,]*\bas=Table\b)(?=[^,]*\bv=v1(?:;|,|$))/.test(accept ?? '');
}

/** Kubernetes' `meta.k8s.io/v1` Table: the columns that the custom resource definition of the kind has, too. */
export function tableOf(
  kind: ServedKind,
  items: readonly Stored<ServedKind>[],
  {metadata, now}: {metadata: object; now: number},
): object {
  const columns = columnsOf(kind);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: [
      {name: 'Name', type: 'string', format: 'name', description: 'Unique among its kind.', priority: 0},
      ...columns.map(({name, type, jsonPath, priority = 0}) => ({
        name,
        // An age is text by the time it is here.
        type: type === 'date' ? 'string' : type,
        format: '',
        description: jsonPath,
        priority,
      })),
    ],
    rows: items.map(object => ({
      cells: [object.metadata.name, ...columns.map(column => cellOf(object, column, now))],
      object: {kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata},
    })),
  };
}

/** What stands in `column` for `object`. */
export function cellOf(object: object, {type, jsonPath}: Column, now: number): unknown {
  const value = valueAt(object, jsonPath);
  return type === 'date' && typeof value === 'string' ? age(value, now) : (value ?? null);
}

/** Of the JSON paths that columns are written in: `.a.b`, and `[?(@.type=="Ready")]` in a list. */
function valueAt(object: unknown, path: string): unknown {
  let value = object;
  for (const [, field, type] of path.matchAll(/\.(\w+)|\[\?\(@\.type=="(\w+)"\)\]/g)) {
    if (field !== undefined) {
      value = member(value, field);
    } else if (Array.isArray(value)) {
      value = value.find(item => member(item, 'type') === type);
    } else {
      return undefined;
    }
  }

  return value;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}
