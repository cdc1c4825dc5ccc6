import test from 'ava';
import {duplicateFields} from '../../../../api/server/kubernetes/duplicate-fields.ts';

test('a field that is given often is told of once, and each of its namesakes elsewhere', t => {
  t.deepEqual(duplicateFields('{"a":1,"a":2,"a":3,"b":[{"c":1,"c":2,"c":3},{"c":1,"c":2}]}'), [
    'a',
    'b[0].c',
    'b[1].c',
  ]);
  t.deepEqual(duplicateFields('{"a":{"b":1},"b":[1,1]}'), []);
});

test('what is told of duplicates stays small, however many there are and however long their names', t => {
  const long = 'x'.repeat(50_000);
  const pairs = Array.from({length: 1000}, (_, index) => `"n${index}":1,"n${index}":2`);
  const duplicates = duplicateFields(`{"${long}":{${pairs.join(',')}}}`);
  t.deepEqual(duplicates, [`${'x'.repeat(1000)}…`]);
  const many = duplicateFields(`{${pairs.join(',')}}`);
  t.is(many.length, 100);
  t.is(many.at(-1), 'n99');
});
