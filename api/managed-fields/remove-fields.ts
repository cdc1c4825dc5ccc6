import type {FieldSet} from './field-set.ts';
import {below, hasMember} from './field-set.ts';
import type {ValueSchema} from './value-schema.ts';
import {fieldSchema, fieldStep, isMapping, itemStep, shapeOf} from './value-schema.ts';

/** `value` without the parts whose paths are in `set`. What held nothing else is null. */
export function removeFields(value: unknown, set: FieldSet, schema: ValueSchema | undefined): unknown {
  const shape = shapeOf(schema, value);
  if (shape === 'map' && isMapping(value)) {
    const entries = Object.entries(value)
      .filter(([name]) => !hasMember(set, fieldStep(name)))
      .map(([name, part]) => {
        const inner = below(set, fieldStep(name));
        return [
          name,
          inner.size === 0 ? part : removeFields(part, inner, fieldSchema(schema, name)),
        ] as const;
      });
    return entries.length === 0 && Object.keys(value).length > 0 ? null : Object.fromEntries(entries);
  }

  if (shape === 'list' && Array.isArray(value)) {
    const items = value
      .filter(item => !hasMember(set, itemStep(schema, item)))
      .map(item => {
        const inner = below(set, itemStep(schema, item));
        return inner.size === 0 ? item : removeFields(item, inner, schema?.items);
      });
    return items.length === 0 && value.length > 0 ? null : items;
  }

  return value;
}
