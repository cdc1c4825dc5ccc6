import {isDeepStrictEqual} from 'node:util';
import type {FieldNode, FieldSet} from './field-set.ts';
import {noFields} from './field-set.ts';
import type {ValueSchema} from './value-schema.ts';
import {fieldSchema, fieldStep, isMapping, itemStep, shapeOf} from './value-schema.ts';

export type Comparison = {
  /** Also the mappings and items that hold what is new. */
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
};

const same: Comparison = {added: noFields, modified: noFields, removed: noFields};

/** The paths in which `after` differs from `before`; absent is `undefined`. */
export function compareValues(before: unknown, after: unknown, schema: ValueSchema | undefined): Comparison {
  const children = new Map<string, Outcome>();
  for (const [step, [left, right, inner]] of partsOf(before, after, schema)) {
    children.set(step, outcomeOf(left, right, inner));
  }

  return gather(children);
}

type Mark = 'added' | 'modified' | 'removed' | undefined;

type Outcome = {readonly mark: Mark; readonly below: Comparison};

function outcomeOf(left: unknown, right: unknown, schema: ValueSchema | undefined): Outcome {
  const mark: Mark = left === undefined ? 'added' : right === undefined ? 'removed' : undefined;
  if (isLeaf(left, right, schema)) {
    return {mark: mark ?? (isDeepStrictEqual(left, right) ? undefined : 'modified'), below: same};
  }

  return {mark, below: compareValues(left, right, schema)};
}

/** Two that hold nothing are compared as a whole, lest empty and null were the same. */
function isLeaf(left: unknown, right: unknown, schema: ValueSchema | undefined): boolean {
  return shapeOf(schema, right ?? left) === 'leaf' || (holdsNothing(left) && holdsNothing(right));
}

function holdsNothing(value: unknown): boolean {
  return (
    value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
  );
}

type Parts = Map<string, [left: unknown, right: unknown, schema: ValueSchema | undefined]>;

function partsOf(before: unknown, after: unknown, schema: ValueSchema | undefined): Parts {
  const parts: Parts = new Map();
  for (const [side, value] of [before, after].entries()) {
    for (const [step, part, inner] of stepsOf(value, schema)) {
      const entry = parts.get(step) ?? [undefined, undefined, inner];
      entry[side === 0 ? 0 : 1] = part;
      parts.set(step, entry);
    }
  }

  return parts;
}

function stepsOf(
  value: unknown,
  schema: ValueSchema | undefined,
): [step: string, part: unknown, schema: ValueSchema | undefined][] {
  const shape = shapeOf(schema, value);
  if (shape === 'map' && isMapping(value)) {
    return Object.entries(value).map(([name, part]) => [fieldStep(name), part, fieldSchema(schema, name)]);
  }

  return shape === 'list' && Array.isArray(value)
    ? value.map(item => [itemStep(schema, item), item, schema?.items])
    : [];
}

function gather(children: ReadonlyMap<string, Outcome>): Comparison {
  const pick = (mark: 'added' | 'modified' | 'removed'): FieldSet => {
    const set = new Map<string, FieldNode>();
    for (const [step, outcome] of children) {
      const member = outcome.mark === mark;
      const inner = outcome.below[mark];
      if (member || inner.size > 0) {
        set.set(step, {member, children: inner});
      }
    }

    return set;
  };
  return {added: pick('added'), modified: pick('modified'), removed: pick('removed')};
}
