import {isMapping} from '../managed-fields/value-schema.ts';
import type {FieldFault} from './field-fault.ts';
import {fieldAt, itemAt} from './field-path.ts';
import {isDuration, isTime} from './formats.ts';
import type {StructuralSchema} from './structural-schema.ts';
import {propertyOf} from './structural-schema.ts';

/** All that is wrong with `value` by its schema alone, in Kubernetes' words. */
export function validateSchema(value: unknown, schema: StructuralSchema, path = ''): FieldFault[] {
  const mismatches = typeFaults(value, schema, path);
  return [
    ...mismatches,
    ...enumFaults(value, schema, path),
    ...(mismatches.length === 0 ? partFaults(value, schema, path) : []),
  ];
}

function partFaults(value: unknown, schema: StructuralSchema, path: string): FieldFault[] {
  if (typeof value === 'string') {
    return textFaults(value, schema, path);
  }

  if (typeof value === 'number') {
    return numberFaults(value, schema, path);
  }

  if (Array.isArray(value)) {
    return listFaults(value, schema, path);
  }

  if (!isMapping(value)) {
    return [];
  }

  const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
  const count = Object.keys(value).length;
  return [
    ...(typeof schema.maxProperties === 'number' && count > schema.maxProperties
      ? [tooMany(path, count, schema.maxProperties)]
      : []),
    ...required
      .filter(name => !Object.hasOwn(value, name))
      .map((name): FieldFault => ({type: 'FieldValueRequired', field: fieldAt(path, name), detail: ''})),
    ...Object.entries(value).flatMap(([name, part]) => {
      const inner = propertyOf(schema, name);
      return inner === undefined ? [] : validateSchema(part, inner, fieldAt(path, name));
    }),
  ];
}

function typeFaults(value: unknown, {type, format}: StructuralSchema, path: string): FieldFault[] {
  if (typeof type !== 'string' || isOfType(value, type)) {
    return [];
  }

  const mismatch = (expected: string, actual: string): FieldFault => ({
    type: 'FieldValueTypeInvalid',
    field: path,
    value: actual,
    detail: `${path} in body must be of type ${expected}: "${actual}"`,
  });
  // A number that is not whole is refused in other words, and twice.
  return type === 'integer' && typeof value === 'number'
    ? [
        {
          type: 'FieldValueInvalid',
          field: '<nil>',
          value: '',
          detail: `Checked value must be of type integer with format ${String(format)} in ${path}`,
        },
        mismatch(String(format), 'float64'),
      ]
    : [mismatch(type, typeName(value))];
}

function isOfType(value: unknown, type: string): boolean {
  const actual = typeName(value);
  return actual === type || (type === 'number' && actual === 'integer');
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) {
    return 'null';
  }

  if (Array.isArray(value)) {
    return 'array';
  }

  return typeof value === 'number' ? (Number.isInteger(value) ? 'integer' : 'number') : typeof value;
}

function enumFaults(value: unknown, {enum: allowed}: StructuralSchema, path: string): FieldFault[] {
  if (!Array.isArray(allowed) || allowed.includes(value)) {
    return [];
  }

  const names = allowed
    .map(item => (typeof item === 'string' ? item : JSON.stringify(item)))
    .map(name => JSON.stringify(name));
  return [
    {
      type: 'FieldValueNotSupported',
      field: path,
      value,
      detail: `supported values: ${names.join(', ')}`,
    },
  ];
}

function textFaults(value: string, schema: StructuralSchema, path: string): FieldFault[] {
  const {minLength, maxLength, pattern, format} = schema;
  const length = [...value].length;
  const invalid = (detail: string): FieldFault => ({
    type: 'FieldValueInvalid',
    field: path,
    value,
    detail: `${path} in body ${detail}`,
  });
  const faults: FieldFault[] = [];
  if (typeof maxLength === 'number' && length > maxLength) {
    faults.push({
      type: 'FieldValueTooLong',
      field: path,
      value,
      detail: `may not be more than ${maxLength} bytes`,
    });
  }

  if (typeof minLength === 'number' && length < minLength) {
    faults.push(invalid(`should be at least ${minLength} chars long`));
  }

  if (typeof pattern === 'string' && !new RegExp(pattern, 'u').test(value)) {
    faults.push(invalid(`should match '${pattern}'`));
  }

  if ((format === 'date-time' && !isTime(value)) || (format === 'duration' && !isDuration(value))) {
    faults.push(invalid(`must be of type ${format}: ${JSON.stringify(value)}`));
  }

  return faults;
}

function numberFaults(value: number, schema: StructuralSchema, path: string): FieldFault[] {
  const {minimum, maximum, exclusiveMinimum, exclusiveMaximum} = schema;
  const invalid = (detail: string): FieldFault => ({
    type: 'FieldValueInvalid',
    field: path,
    value,
    detail: `${path} in body should be ${detail}`,
  });
  const faults: FieldFault[] = [];
  if (typeof maximum === 'number' && (exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    faults.push(invalid(`less than ${exclusiveMaximum === true ? '' : 'or equal to '}${maximum}`));
  }

  if (typeof minimum === 'number' && (exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    faults.push(invalid(`greater than ${exclusiveMinimum === true ? '' : 'or equal to '}${minimum}`));
  }

  return faults;
}

function listFaults(value: readonly unknown[], schema: StructuralSchema, path: string): FieldFault[] {
  const {items, maxItems, minItems} = schema;
  // Of a list that is too long not every item is looked at.
  if (typeof maxItems === 'number' && value.length > maxItems) {
    return [tooMany(path, value.length, maxItems)];
  }

  return [
    ...(typeof minItems === 'number' && value.length < minItems
      ? [
          {
            type: 'FieldValueInvalid' as const,
            field: path,
            value: value.length,
            detail: `${path} in body should have at least ${minItems} items`,
          },
        ]
      : []),
    ...(items === undefined
      ? []
      : value.flatMap((item, index) => validateSchema(item, items, itemAt(path, index)))),
    ...duplicateFaults(value, schema, path),
  ];
}

/** Items of a list that is a mapping by keys, or a set. */
function duplicateFaults(value: readonly unknown[], schema: StructuralSchema, path: string): FieldFault[] {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(keys)) {
    return [];
  }

  const seen = new Set<string>();
  return value.flatMap((item, index): FieldFault[] => {
    if (!isMapping(item)) {
      return [];
    }

    const key = Object.fromEntries(keys.map(name => [String(name), item[String(name)]]));
    const text = JSON.stringify(key);
    if (!seen.has(text)) {
      seen.add(text);
      return [];
    }

    return [{type: 'FieldValueDuplicate', field: itemAt(path, index), value: key, detail: ''}];
  });
}

function tooMany(field: string, actual: number, limit: number): FieldFault {
  return {
    type: 'FieldValueTooMany',
    field,
    value: actual,
    detail: `must have at most ${limit} items`,
  };
}
