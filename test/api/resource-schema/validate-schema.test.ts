import test from 'ava';
import {pruneUnknown} from '../../../api/resource-schema/prune-unknown.ts';
import {validateSchema} from '../../../api/resource-schema/validate-schema.ts';

const list = {type: 'array', maxItems: 3, items: {type: 'string'}} as const;

test('of a list that is too long nothing else is said', t => {
  const path = 'spec.list';
  t.deepEqual(
    validateSchema([1, 2, 3, 4], list, path).map(({type}) => type),
    ['FieldValueTooMany'],
  );
  t.deepEqual(
    validateSchema([1, 'a', 3], list, path).map(({type}) => type),
    ['FieldValueTypeInvalid', 'FieldValueTypeInvalid'],
  );
});

test('any number of unknown fields is found', t => {
  const inner = Object.fromEntries(Array.from({length: 200_000}, (_, index) => [`f${index}`, 1]));
  const schema = {type: 'object', properties: {spec: {type: 'object', properties: {}}}} as const;
  t.is(pruneUnknown({spec: inner}, schema).unknown.length, 200_000);
});
