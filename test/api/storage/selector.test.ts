import test from 'ava';
import fc from 'fast-check';
import {matchesSelector, parseFieldSelector, parseLabelSelector} from '../../../api/storage/selector.ts';

const selects = (selector: string, labels: Record<string, string>) =>
  matchesSelector({metadata: {labels}}, {labels: parseLabelSelector(selector)});

const cases: [selector: string, labels: Record<string, string>, selected: boolean][] = [
  ['', {}, true],
  ['a=b', {a: 'b'}, true],
  ['a==b', {a: 'b'}, true],
  ['a = b', {a: 'b'}, true],
  ['a=b', {a: 'c'}, false],
  ['a=b', {}, false],
  ['a=', {a: ''}, true],
  ['a!=b', {a: 'b'}, false],
  ['a!=b', {a: 'c'}, true],
  ['a!=b', {}, true],
  ['a in (x,y)', {a: 'y'}, true],
  ['a in (x, y)', {a: 'z'}, false],
  ['a in (x)', {}, false],
  ['a notin (x,y)', {a: 'x'}, false],
  ['a notin (x,y)', {}, true],
  ['a', {a: ''}, true],
  ['a', {}, false],
  ['!a', {}, true],
  ['!a', {a: 'x'}, false],
  ['a=b,c in (d,e),!f', {a: 'b', c: 'e'}, true],
  ['a=b,c in (d,e),!f', {a: 'b', c: 'e', f: ''}, false],
  ['example.com/tier=web', {'example.com/tier': 'web'}, true],
  ['in', {in: 'x'}, true],
  ['constructor', {}, false],
];

for (const [selector, labels, selected] of cases) {
  test(`"${selector}" ${selected ? 'selects' : 'does not select'} ${JSON.stringify(labels)}`, t => {
    t.is(selects(selector, labels), selected);
  });
}

test('what is not a label selector is refused with the text and the reason', t => {
  for (const text of [
    ',',
    'a,',
    'a=b=c',
    '=b',
    'a in x',
    'a in (x',
    'a in (x))',
    'a b',
    '!',
    '!!a',
    'a=$(x)',
    'ä=b',
    `a=${'x'.repeat(64)}`,
    'a in ((x))',
  ]) {
    t.throws(() => parseLabelSelector(text), {code: 'Invalid', message: /label selector/}, text);
  }
});

test('a field selector is fields and their values', t => {
  t.deepEqual(parseFieldSelector(''), {});
  t.deepEqual(parseFieldSelector('spec.owner=ada'), {'spec.owner': 'ada'});
  t.deepEqual(parseFieldSelector('spec.owner=ada,status.node==n'), {'spec.owner': 'ada', 'status.node': 'n'});
  t.deepEqual(parseFieldSelector('status.node='), {'status.node': ''});
  t.deepEqual(parseFieldSelector(String.raw`a=x\,y\=z\\`), {a: String.raw`x,y=z\ `.trimEnd()});
});

test('what is not a field selector is refused', t => {
  for (const text of [
    'a',
    'a!=b',
    '=b',
    'a=b=c',
    'a=1,a=2',
    'a b=c',
    String.raw`a=\x`,
    String.raw`a=b\ `.trimEnd(),
  ]) {
    t.throws(() => parseFieldSelector(text), {code: 'Invalid', message: /field selector/}, text);
  }
});

test('any value of a field can be written as a selector', t => {
  fc.assert(
    fc.property(
      fc.string({unit: 'grapheme'}).filter(value => value === value.trim()),
      value => {
        const escaped = value.replaceAll(/[\\,=]/g, String.raw`\$&`);
        t.deepEqual(parseFieldSelector(`spec.owner=${escaped}`), {'spec.owner': value});
      },
    ),
  );
});

test('no text makes the parsers fail in another way than Invalid', t => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-c=!,() in\\]{0,20}$/)), text => {
      for (const parse of [parseLabelSelector, parseFieldSelector]) {
        try {
          parse(text);
        } catch (error) {
          t.like(error, {name: 'StorageError', code: 'Invalid'});
        }
      }
    }),
  );
  t.pass();
});

test('fields are compared as text, and what is absent is empty', t => {
  const object = {metadata: {}, spec: {count: 3, on: false, none: null, deep: {list: ['x']}}};
  const matches = (path: string, value: string) => matchesSelector(object, {fields: {[path]: value}});
  t.true(matches('spec.count', '3'));
  t.true(matches('spec.on', 'false'));
  t.true(matches('spec.none', ''));
  t.true(matches('spec.absent.below', ''));
  t.true(matches('spec.deep.list.0', 'x'));
  t.false(matches('spec.deep', ''));
  t.false(matches('spec.deep', '[object Object]'));
  t.true(matches('spec.constructor', ''));
});
