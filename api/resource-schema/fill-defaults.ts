import {isMapping} from '../managed-fields/value-schema.ts';
import type {StructuralSchema} from './structural-schema.ts';
import {propertyOf} from './structural-schema.ts';

/** `value` with the defaults of `schema` for what is absent or null; null without a default is absent. Needs what is unknown to be pruned. */
export function fillDefaults(value: unknown, schema: StructuralSchema | undefined): unknown {
  if (schema === undefined) {
    return value;
  }

  if (Array.isArray(value)) {
    return value.map(item => fillDefaults(item, schema.items));
  }

  if (!isMapping(value)) {
    return value;
  }

  const result = new Map<string, unknown>();
  for (const [name, part] of Object.entries(value)) {
    const inner = propertyOf(schema, name);
    if (part !== null || inner === undefined) {
      result.set(name, fillDefaults(part, inner));
    }
  }

  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    if (inner.default !== undefined && !result.has(name)) {
      result.set(name, fillDefaults(structuredClone(inner.default), inner));
    }
  }

  return Object.fromEntries(result);
}
