import test from 'ava';
import fc from 'fast-check';
import type {Instance} from '../../../api/agent/v1alpha1/instance.ts';
import {planOrphans} from '../../../controller/node/orphans.ts';
import {runningInstance} from '../../fakes/instances.ts';

const now = Date.parse('2026-11-20T10:00:00.000Z');
const grace = 600_000;
const time = (offset: number) => new Date(now + offset).toISOString();
const retired = (offset: number) => ({at: time(-1_000_000), until: time(offset)});

function plan(
  instance: Instance,
  {declared = false, orphanFor = grace}: {declared?: boolean; orphanFor?: number | 'never'} = {},
) {
  return planOrphans({
    instances: new Map([[instance.uid, instance]]),
    isDeclared: () => declared,
    since: new Map(orphanFor === 'never' ? [] : [[instance.uid, now - orphanFor]]),
    now,
    grace,
  });
}

test('an instance without a workspace is left alone when it is first seen, and until the grace is over', t => {
  const first = plan(runningInstance('a'), {orphanFor: 'never'});
  t.deepEqual(first.removals, []);
  t.is(first.nextIn, grace);
  t.deepEqual([...first.since], [['a', now]]);
  const later = plan(runningInstance('a'), {orphanFor: grace - 1});
  t.deepEqual(later.removals, []);
  t.is(later.nextIn, 1);
});

test('after the grace it goes, if nothing in it is unsaved', t => {
  t.deepEqual(plan(runningInstance('a')).removals, [{uid: 'a', name: 'nexus-a', mode: 'ifSaved'}]);
});

test('an instance with a workspace is never an orphan, and counts anew if it becomes one', t => {
  const kept = plan(runningInstance('a'), {declared: true});
  t.deepEqual(kept.removals, []);
  t.deepEqual([...kept.since], []);
  t.is(kept.nextIn, undefined);
});

test('a retired instance is kept until its time is up and then destroyed', t => {
  const kept = plan(runningInstance('a', {state: 'Stopped', retired: retired(5000)}));
  t.deepEqual(kept.removals, []);
  t.is(kept.nextIn, 5000);
  const over = plan(runningInstance('a', {state: 'Stopped', retired: retired(0)}));
  t.deepEqual(over.removals, [{uid: 'a', name: 'nexus-a', mode: 'always'}]);
});

test('a retired instance whose workspace was given back is not touched', t => {
  t.deepEqual(plan(runningInstance('a', {retired: retired(-5000)}), {declared: true}).removals, []);
});

test('an instance on which something runs waits', t => {
  const operation = {kind: 'Create', startedAt: time(0)} as const;
  t.deepEqual(plan(runningInstance('a', {operation})).removals, []);
});

test('what could not be made is nothing to remove', t => {
  t.deepEqual(plan(runningInstance('a', {state: 'Missing'})).removals, []);
});

test('nothing that is declared, young or to be kept is ever removed, and only what was kept is destroyed unasked', t => {
  const orphan = fc.record({
    uid: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    declared: fc.boolean(),
    age: fc.integer({min: 0, max: 2 * grace}),
    until: fc.option(fc.integer({min: -grace, max: grace}), {nil: undefined}),
  });
  fc.assert(
    fc.property(fc.uniqueArray(orphan, {selector: ({uid}) => uid}), orphans => {
      const declared = new Set<string>(orphans.filter(each => each.declared).map(({uid}) => uid));
      const {removals} = planOrphans({
        instances: new Map(
          orphans.map(({uid, until}) => [
            uid,
            runningInstance(uid, until === undefined ? {} : {retired: retired(until)}),
          ]),
        ),
        isDeclared: ({uid}) => declared.has(uid),
        since: new Map<string, number>(orphans.map(({uid, age}) => [uid, now - age])),
        now,
        grace,
      });
      for (const {uid, mode} of removals) {
        const {age = 0, until} = orphans.find(each => each.uid === uid) ?? {};
        t.false(declared.has(uid));
        t.true(age >= grace);
        t.is(mode, until === undefined ? 'ifSaved' : 'always');
        t.true(until === undefined || until <= 0);
      }
    }),
  );
});
