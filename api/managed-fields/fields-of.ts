import type {FieldNode, FieldSet} from './field-set.ts';
import {noFields} from './field-set.ts';
import type {ValueSchema} from './value-schema.ts';
import {fieldSchema, fieldStep, isDeclared, isMapping, itemStep, shapeOf} from './value-schema.ts';

/**
 * What a configuration lays claim to: its leaves, the items of its keyed lists, and the entries of its mappings. A field that is declared and leads
 * further is not claimed by itself.
 */
export function fieldsOf(value: unknown, schema: ValueSchema | undefined): FieldSet {
  const set = new Map<string, FieldNode>();
  const shape = shapeOf(schema, value);
  if (shape === 'map' && isMapping(value)) {
    for (const [name, part] of Object.entries(value)) {
      const inner = fieldSchema(schema, name);
      const isLeaf = part === null || shapeOf(inner, part) === 'leaf';
      const isBare = isMapping(part) && Object.keys(part).length === 0;
      const children = isLeaf ? noFields : fieldsOf(part, inner);
      const member = isLeaf || isBare || !isDeclared(schema, name);
      if (member || children.size > 0) {
        set.set(fieldStep(name), {member, children});
      }
    }
  } else if (shape === 'list' && Array.isArray(value)) {
    for (const item of value) {
      set.set(itemStep(schema, item), {member: true, children: fieldsOf(item, schema?.items)});
    }
  }

  return set;
}

/** The set with each declared field that it leads through. */
export function withDeclaredFields(set: FieldSet, schema: ValueSchema | undefined): FieldSet {
  return new Map(
    [...set].map(([step, {member, children}]): [string, FieldNode] => {
      const name = step.startsWith('f:') ? step.slice(2) : undefined;
      const inner = name === undefined ? schema?.items : fieldSchema(schema, name);
      return [
        step,
        {
          member: member || (name !== undefined && children.size > 0 && isDeclared(schema, name)),
          children: withDeclaredFields(children, inner),
        },
      ];
    }),
  );
}
