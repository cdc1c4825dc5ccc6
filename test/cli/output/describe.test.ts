import test from 'ava';
import {describeResource} from '../../../cli/output/describe.ts';
import type {ShownResource} from '../../../cli/output/kind-columns.ts';
import {plain} from '../../../cli/output/style.ts';
import {backOffEvent, box, fresh, lost, now, shop} from './literals.ts';

const describe = (resource: ShownResource, events = [backOffEvent]) =>
  describeResource(resource, {now, style: plain, events}).join('\n');

test('a workspace is described with all there is to know', t => {
  t.snapshot(describe(shop));
});

test('a workspace that was just created is described without what is not known', t => {
  t.snapshot(describe(fresh, []));
});

test('a workspace of a silent node says how old the evidence is', t => {
  t.regex(describe(lost, []), /^Phase: +Unknown\nSeen: +5m ago$/m);
});

test('a node is described with its host key and why it is not ready', t => {
  t.snapshot(describe(box, []));
});

test('an event is described', t => {
  t.snapshot(describe(backOffEvent));
});

test('control characters of what failed never reach the terminal', t => {
  t.false(describe(shop).includes('\u001B'));
});
