import type {Mapping} from '../managed-fields/value-schema.ts';
import {isMapping} from '../managed-fields/value-schema.ts';
import type {Rule} from '../v1alpha1/crd-rules.ts';
import type {FieldFault} from './field-fault.ts';
import {fieldAt, itemAt} from './field-path.ts';
import type {StructuralSchema} from './structural-schema.ts';
import {propertyOf} from './structural-schema.ts';

/** Whether a rule in CEL holds of a value, and of what it was before. Throws when it can't be told. */
export type RuleHolds = (rule: string, self: unknown, oldSelf: unknown) => boolean;

export type RuleCheck = {
  readonly holds: RuleHolds;
  readonly self: unknown;
  /** Undefined where there was nothing before; rules of changes are not asked then. */
  readonly oldSelf: unknown;
};

export function hasRules(schema: StructuralSchema): boolean {
  const {properties = {}, items, additionalProperties: rest} = schema;
  const parts = [...Object.values(properties), ...[items, rest].filter(part => typeof part === 'object')];
  return schema['x-kubernetes-validations'] !== undefined || parts.some(hasRules);
}

/** What the rules of the schema (`x-kubernetes-validations`) say against a value that is right by its schema. */
export function checkRules(
  {holds, self, oldSelf}: RuleCheck,
  schema: StructuralSchema,
  path = '',
): FieldFault[] {
  if (self === undefined) {
    return [];
  }

  const own = (schema['x-kubernetes-validations'] ?? [])
    .filter(({rule}) => oldSelf !== undefined || !/\boldSelf\b/.test(rule))
    .flatMap(rule => (passes(holds, rule, {self, oldSelf}) ? [] : [faultOf(rule, self, path)]));
  const parts = isMapping(self)
    ? Object.entries(self).flatMap(([name, part]) => {
        const inner = propertyOf(schema, name);
        const old = isMapping(oldSelf) && Object.hasOwn(oldSelf, name) ? oldSelf[name] : undefined;
        return inner === undefined
          ? []
          : checkRules({holds, self: part, oldSelf: old}, inner, fieldAt(path, name));
      })
    : Array.isArray(self)
      ? self.flatMap((item, index) =>
          schema.items === undefined
            ? []
            : checkRules(
                {holds, self: item, oldSelf: itemBefore(item, oldSelf, schema)},
                schema.items,
                itemAt(path, index),
              ),
        )
      : [];
  return [...own, ...parts];
}

function passes(holds: RuleHolds, {rule}: Rule, {self, oldSelf}: {self: unknown; oldSelf: unknown}): boolean {
  try {
    return holds(rule, self, oldSelf);
  } catch {
    // As in Kubernetes, what can't be told is refused.
    return false;
  }
}

function faultOf({rule, message}: Rule, self: unknown, path: string): FieldFault {
  const value = typeof self === 'object' ? {} : {value: self};
  return {type: 'FieldValueInvalid', field: path, ...value, detail: message ?? `failed rule: ${rule}`};
}

/** Items are the same by their keys; without keys there is no telling. */
function itemBefore(item: unknown, before: unknown, schema: StructuralSchema): unknown {
  const keys = schema['x-kubernetes-list-map-keys'];
  return isMapping(item) && Array.isArray(before) && Array.isArray(keys)
    ? before.find(old => isMapping(old) && sameKeys(item, old, keys))
    : undefined;
}

function sameKeys(item: Mapping, other: Mapping, keys: readonly unknown[]): boolean {
  return keys.every(key => item[String(key)] === other[String(key)]);
}
