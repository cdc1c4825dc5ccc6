import test from 'ava';
import fc from 'fast-check';
import {jsonPatch, mergePatch} from '../../../api/server/patch.ts';

/** From RFC 7386, appendix A. */
const merges: readonly (readonly [unknown, unknown, unknown])[] = [
  [{a: 'b'}, {a: 'c'}, {a: 'c'}],
  [{a: 'b'}, {b: 'c'}, {a: 'b', b: 'c'}],
  [{a: 'b'}, {a: null}, {}],
  [{a: 'b', b: 'c'}, {a: null}, {b: 'c'}],
  [{a: ['b']}, {a: 'c'}, {a: 'c'}],
  [{a: {b: 'c'}}, {a: {b: 'd', c: null}}, {a: {b: 'd'}}],
  [{a: [{b: 'c'}]}, {a: [1]}, {a: [1]}],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{a: 'b'}, ['c'], ['c']],
  [{a: 'foo'}, null, null],
  [{e: null}, {a: 1}, {e: null, a: 1}],
  [[1, 2], {a: 'b', c: null}, {a: 'b'}],
  [{}, {a: {bb: {ccc: null}}}, {a: {bb: {}}}],
];

for (const [target, patch, expected] of merges) {
  test(`merging ${JSON.stringify(patch)} into ${JSON.stringify(target)}`, t => {
    t.deepEqual(mergePatch(target, patch), expected);
  });
}

/** From RFC 6902, appendix A, and around it. */
const patches: readonly (readonly [unknown, unknown, unknown])[] = [
  [{foo: 'bar'}, [{op: 'add', path: '/baz', value: 'qux'}], {foo: 'bar', baz: 'qux'}],
  [{foo: ['bar', 'baz']}, [{op: 'add', path: '/foo/1', value: 'qux'}], {foo: ['bar', 'qux', 'baz']}],
  [{foo: ['bar']}, [{op: 'add', path: '/foo/-', value: ['abc']}], {foo: ['bar', ['abc']]}],
  [{a: 1, b: 2}, [{op: 'remove', path: '/b'}], {a: 1}],
  [{foo: ['a', 'b', 'c']}, [{op: 'remove', path: '/foo/1'}], {foo: ['a', 'c']}],
  [{a: 1}, [{op: 'replace', path: '/a', value: 2}], {a: 2}],
  [{foo: ['a', 'b']}, [{op: 'replace', path: '/foo/1', value: 'c'}], {foo: ['a', 'c']}],
  [
    {foo: {bar: 'baz'}, qux: {}},
    [{op: 'move', from: '/foo/bar', path: '/qux/thud'}],
    {foo: {}, qux: {thud: 'baz'}},
  ],
  [
    {foo: ['all', 'grass', 'cows', 'eat']},
    [{op: 'move', from: '/foo/1', path: '/foo/3'}],
    {foo: ['all', 'cows', 'eat', 'grass']},
  ],
  [{a: {b: 1}}, [{op: 'copy', from: '/a', path: '/c'}], {a: {b: 1}, c: {b: 1}}],
  [
    {'a/b': 1, 'm~n': 2},
    [
      {op: 'test', path: '/a~1b', value: 1},
      {op: 'remove', path: '/m~0n'},
    ],
    {'a/b': 1},
  ],
  [{a: 1}, [{op: 'replace', path: '', value: {b: 2}}], {b: 2}],
];

for (const [target, patch, expected] of patches) {
  test(`applying ${JSON.stringify(patch)} to ${JSON.stringify(target)}`, t => {
    const before = structuredClone(target);
    t.deepEqual(jsonPatch(target, patch), expected);
    t.deepEqual(target, before);
  });
}

const inapplicable: readonly (readonly [unknown, unknown])[] = [
  [{}, [{op: 'remove', path: '/a'}]],
  [{}, [{op: 'replace', path: '/a', value: 1}]],
  [{}, [{op: 'add', path: '/a/b', value: 1}]],
  [{a: [1]}, [{op: 'add', path: '/a/2', value: 1}]],
  [{a: [1]}, [{op: 'add', path: '/a/01', value: 1}]],
  [{a: 1}, [{op: 'test', path: '/a', value: '1'}]],
  [{a: {b: 1}}, [{op: 'move', from: '/a', path: '/a/b'}]],
  [{}, [{op: 'remove', path: '/__proto__'}]],
  [{}, [{op: 'remove', path: ''}]],
];

for (const [target, patch] of inapplicable) {
  test(`${JSON.stringify(patch)} does not apply to ${JSON.stringify(target)}`, t => {
    t.throws(() => jsonPatch(target, patch), {code: 'Unprocessable'});
  });
}

for (const patch of [
  {},
  [{op: 'explode', path: '/a'}],
  [{op: 'add', path: 'a', value: 1}],
  [{op: 'add', path: '/~2', value: 1}],
]) {
  test(`${JSON.stringify(patch)} is no patch`, t => {
    t.throws(() => jsonPatch({}, patch), {code: 'Invalid'});
  });
}

test('copies of copies are refused before they are made', t => {
  const doubling = Array.from({length: 1000}, (_, index) => ({op: 'copy', from: '', path: `/a${index}`}));
  t.throws(() => jsonPatch({text: 'x'.repeat(100)}, doubling), {
    code: 'PayloadTooLarge',
    message: /larger than 1048576 bytes/,
  });
  t.notThrows(() => jsonPatch({text: 'x'.repeat(100)}, doubling.slice(0, 10)));
});

test('a patch makes nothing that is deeper than a document may be', t => {
  for (const operation of [
    {op: 'add', value: 1},
    {op: 'copy', from: '/a'},
    {op: 'move', from: '/a'},
  ]) {
    const path = '/b'.repeat(65);
    t.throws(() => jsonPatch({a: 1}, [{...operation, path}]), {
      code: 'Unprocessable',
      message: /deeper than 64/,
    });
  }
});

test('merging the same patch again changes nothing more', t => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
      const once = mergePatch(target, patch);
      t.deepEqual(mergePatch(once, patch), once);
    }),
  );
});
