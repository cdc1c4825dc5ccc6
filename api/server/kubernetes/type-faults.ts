import {isMapping} from '../../managed-fields/value-schema.ts';
import type {StructuralSchema} from '../../resource-schema/structural-schema.ts';
import {propertyOf} from '../../resource-schema/structural-schema.ts';

/** Why `value` can't be merged by its schema, in the words of Kubernetes: what is of another type, and what is not known. */
export function typeFaults(value: unknown, schema: StructuralSchema, path = ''): string[] {
  const {type, items} = schema;
  if (value === null || type === undefined) {
    return [];
  }

  if (type === 'object') {
    if (!isMapping(value)) {
      return [expected('map', value, path)];
    }

    return Object.entries(value).flatMap(([name, part]) => {
      const inner = propertyOf(schema, name);
      return inner === undefined
        ? [`${path}.${name}: field not declared in schema`]
        : typeFaults(part, inner, `${path}.${name}`);
    });
  }

  if (type === 'array') {
    return Array.isArray(value)
      ? value.flatMap((item, index) =>
          items === undefined ? [] : typeFaults(item, items, `${path}${stepTo(item, index, schema)}`),
        )
      : [expected('list', value, path)];
  }

  const isNumeric = type === 'integer' || type === 'number';
  const fits = isNumeric ? typeof value === 'number' : typeof value === type;
  return fits ? [] : [expected(isNumeric ? 'numeric (int or float)' : String(type), value, path)];
}

function expected(what: string, value: unknown, path: string): string {
  return `${path}: expected ${what}, got &{${printed(value)}}`;
}

/** As Go prints it. */
function printed(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(printed).join(' ')}]`;
  }

  return isMapping(value)
    ? `map[${Object.entries(value)
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([name, part]) => `${name}:${printed(part)}`)
        .join(' ')}]`
    : String(value);
}

function stepTo(item: unknown, index: number, schema: StructuralSchema): string {
  const keys = schema['x-kubernetes-list-map-keys'];
  return Array.isArray(keys) && isMapping(item)
    ? `[${keys.map(key => `${String(key)}=${JSON.stringify(item[String(key)])}`).join(',')}]`
    : `[${index}]`;
}
