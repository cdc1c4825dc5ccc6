import test from 'ava';
import fc from 'fast-check';
import {applyConfiguration} from '../../../api/managed-fields/apply-configuration.ts';
import type {FieldSet} from '../../../api/managed-fields/field-set.ts';
import {
  difference,
  intersection,
  isEmpty,
  noFields,
  pathsOf,
  recursiveDifference,
  sameSet,
  setOf,
  union,
} from '../../../api/managed-fields/field-set.ts';
import {decodeFields, encodeFields} from '../../../api/managed-fields/fields-v1.ts';
import {trackUpdate} from '../../../api/managed-fields/track-update.ts';

const step = fc.constantFrom('f:a', 'f:b', 'k:{"name":"x"}', 'v:1');
const sets: fc.Arbitrary<FieldSet> = fc
  .array(fc.array(step, {minLength: 1, maxLength: 3}), {maxLength: 6})
  .map(paths => setOf(...paths));
const textOf = (set: FieldSet) => pathsOf(set).map(path => path.join('/'));

test('sets of fields are sets of paths', t => {
  fc.assert(
    fc.property(sets, sets, (left, right) => {
      const [a, b] = [textOf(left), textOf(right)];
      const both = a.filter(path => b.includes(path));
      t.deepEqual(textOf(union(left, right)).sort(), [...new Set([...a, ...b])].sort());
      t.deepEqual(textOf(intersection(left, right)).sort(), both.sort());
      t.deepEqual(textOf(difference(left, right)).sort(), a.filter(path => !b.includes(path)).sort());
      const kept = a.filter(path => !b.some(other => `${path}/`.startsWith(`${other}/`)));
      t.deepEqual(textOf(recursiveDifference(left, right)).sort(), kept.sort());
      t.true(isEmpty(difference(left, left)));
    }),
  );
});

test('a set comes back from FieldsV1 as it went in', t => {
  fc.assert(
    fc.property(sets, set => {
      t.true(sameSet(decodeFields(encodeFields(set)), set));
    }),
  );
  t.deepEqual(encodeFields(setOf(['f:a'], ['f:a', 'f:b'])), {'f:a': {'.': {}, 'f:b': {}}});
});

const schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        size: {type: 'integer'},
        tags: {type: 'array', items: {type: 'string'}, 'x-kubernetes-list-type': 'set'},
        env: {type: 'object', additionalProperties: {type: 'string'}},
      },
    },
  },
};
const specs = fc.record(
  {
    size: fc.constantFrom(1, 2),
    tags: fc.uniqueArray(fc.constantFrom('p', 'q', 'r'), {maxLength: 3}),
    env: fc.dictionary(fc.constantFrom('A', 'B'), fc.constantFrom('1', '2'), {
      maxKeys: 2,
      noNullPrototype: true,
    }),
  },
  {requiredKeys: []},
);
const common = {apiVersion: 'v1', schema, ignored: noFields, now: '2026-01-01T00:00:00Z'};

test('what is applied again changes nothing, and what is applied by force is there', t => {
  fc.assert(
    fc.property(specs, specs, (live, spec) => {
      const entries = trackUpdate([], {
        before: {},
        after: {spec: live},
        manager: {name: 'other', operation: 'Update'},
        ...common,
      });
      const apply = (object: unknown, owned: typeof entries) => {
        const manager = {name: 'me', operation: 'Apply' as const};
        const applied = applyConfiguration(owned, {
          live: object,
          config: {spec},
          manager,
          force: true,
          ...common,
        });
        if (applied.outcome !== 'Applied') {
          throw new Error('force meets no conflict');
        }

        return applied;
      };
      const first = apply({spec: live}, entries);
      const second = apply(first.object, [...first.entries]);
      t.deepEqual(second.object, first.object);
      // Items of a set and entries of a mapping join those that others own.
      const {tags = [], env = {}, size} = spec;
      for (const part of [
        ...(size === undefined ? [] : [{size}]),
        ...(Object.keys(env).length > 0 ? [{env}] : []),
      ]) {
        t.like(first.object, {spec: part});
      }

      const text = JSON.stringify(first.object);
      t.true(tags.every(tag => text.includes(`"${tag}"`)));
    }),
  );
});

test('what one applier gives no longer goes, unless another owns it', t => {
  const apply = (
    live: object,
    entries: readonly never[] | ReturnType<typeof trackUpdate>,
    [name, tags]: [string, string[]],
  ) => {
    const applied = applyConfiguration(entries, {
      live,
      config: {spec: {tags}},
      manager: {name, operation: 'Apply'},
      force: false,
      ...common,
    });
    if (applied.outcome !== 'Applied') {
      throw new Error('different items meet no conflict');
    }

    return applied;
  };
  const first = apply({}, [], ['a', ['p', 'q']]);
  const second = apply(first.object as object, [...first.entries], ['b', ['q', 'r']]);
  t.deepEqual(second.object, {spec: {tags: ['p', 'q', 'r']}});
  const third = apply(second.object as object, [...second.entries], ['a', ['p']]);
  t.deepEqual(third.object, {spec: {tags: ['p', 'q', 'r']}});
  const fourth = apply(third.object as object, [...third.entries], ['b', ['r']]);
  t.deepEqual(fourth.object, {spec: {tags: ['p', 'r']}});
});
