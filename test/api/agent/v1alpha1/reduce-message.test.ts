import test from 'ava';
import {z} from 'zod';
import {features, noFeatures, since, valuesSince} from '../../../../api/agent/v1alpha1/features.ts';
import {reduceMessage} from '../../../../api/agent/v1alpha1/reduce-message.ts';

const kind = valuesSince({Export: 'package'}, z.enum(['Create', 'Export']));
const schema = z.strictObject({
  name: z.string(),
  size: since('package', z.int().optional()),
  operation: z.strictObject({kind, message: z.string()}).optional(),
  parts: z.array(z.strictObject({kind, size: since('package', z.int().optional())})),
  choice: z
    .discriminatedUnion('type', [
      z.strictObject({type: z.literal('a'), more: since('package', z.int().optional())}),
      z.strictObject({type: z.literal('b')}),
    ])
    .optional(),
});

const message = {
  name: 'x',
  size: 3,
  operation: {kind: 'Export', message: 'half way'},
  parts: [{kind: 'Create', size: 1}, {kind: 'Export'}],
  choice: {type: 'a', more: 1},
};

test('a peer that knows all is sent all', t => {
  t.deepEqual(reduceMessage(schema, message, new Set(features)), {message, missing: []});
});

test('a peer is not sent fields that it does not know, nor values, with what is optional around them', t => {
  const reduced = reduceMessage(schema, message, noFeatures);
  t.deepEqual(reduced.message, {name: 'x', parts: [{kind: 'Create'}], choice: {type: 'a'}});
  t.true(reduced.missing.includes('package'));
});

test('of what a peer knows nothing is lost', t => {
  const old = {name: 'x', operation: {kind: 'Create', message: ''}, parts: [{kind: 'Create'}]};
  t.deepEqual(reduceMessage(schema, old, noFeatures), {message: old, missing: []});
});

test('what can not be told at all is no message', t => {
  t.is(reduceMessage(z.strictObject({kind}), {kind: 'Export'}, noFeatures).message, undefined);
});
