import test from 'ava';
import fc from 'fast-check';
import {createInstanceCache} from '../../../controller/agent-client/instance-cache.ts';
import {runningInstance} from '../../fakes/instances.ts';

const at = (second: number) => new Date(Date.UTC(2026, 10, 20, 10, 0, second)).toISOString();

test('a report tells whether it changed anything but its time', t => {
  const cache = createInstanceCache();
  t.true(cache.take(runningInstance('a', {observedAt: at(1)})));
  t.false(cache.take(runningInstance('a', {observedAt: at(2)})));
  t.is(cache.instances.get('a')?.observedAt, at(2));
  t.true(cache.take(runningInstance('a', {observedAt: at(3), state: 'Stopped'})));
});

test('a report that was observed earlier changes nothing', t => {
  const cache = createInstanceCache();
  cache.take(runningInstance('a', {observedAt: at(5), state: 'Stopped'}));
  t.false(cache.take(runningInstance('a', {observedAt: at(4)})));
  t.is(cache.instances.get('a')?.state, 'Stopped');
});

test('of two reports of one moment the one with the larger revision counts, in whatever order they come', t => {
  const cache = createInstanceCache();
  t.true(cache.take(runningInstance('a', {observedAt: at(5), revision: 2, state: 'Stopped'})));
  t.false(cache.take(runningInstance('a', {observedAt: at(5), revision: 1})));
  t.is(cache.instances.get('a')?.state, 'Stopped');
});

test('a report with a larger revision counts although the clock was set back', t => {
  const cache = createInstanceCache();
  cache.take(runningInstance('a', {observedAt: at(5), revision: 1}));
  t.true(cache.take(runningInstance('a', {observedAt: at(1), revision: 2, state: 'Stopped'})));
});

test('the revisions of an agent before say nothing about those of the next', t => {
  const cache = createInstanceCache();
  cache.take(runningInstance('a', {observedAt: at(1), revision: 100}));
  cache.forgetRevisions();
  t.true(cache.take(runningInstance('a', {observedAt: at(2), revision: 1, state: 'Stopped'})));
});

test('the same report with another revision changes nothing', t => {
  const cache = createInstanceCache();
  cache.take(runningInstance('a', {observedAt: at(1), revision: 1}));
  t.false(cache.take(runningInstance('a', {observedAt: at(1), revision: 2})));
});

test('what is gone is not brought back by a late report', t => {
  const cache = createInstanceCache();
  cache.take(runningInstance('a', {observedAt: at(1)}));
  t.true(cache.take(runningInstance('a', {observedAt: at(5), state: 'Missing'})));
  t.false(cache.instances.has('a'));
  t.false(cache.take(runningInstance('a', {observedAt: at(4)})));
  t.false(cache.instances.has('a'));
  t.true(cache.take(runningInstance('a', {observedAt: at(6)})));
});

test('one that could not be made stays, to tell why, until a list lacks it', t => {
  const cache = createInstanceCache();
  const lastError = {
    operation: 'Create',
    code: 'ImageNotFound',
    message: 'no such image',
    at: at(1),
  } as const;
  t.true(cache.take(runningInstance('a', {observedAt: at(1), state: 'Missing', lastError})));
  t.is(cache.instances.get('a')?.lastError?.code, 'ImageNotFound');
  cache.beginList();
  cache.takeList([]);
  t.false(cache.instances.has('a'));
});

test('a list removes what it lacks, but not what was reported since it was asked for', t => {
  const cache = createInstanceCache();
  cache.take(runningInstance('old', {observedAt: at(1)}));
  cache.beginList();
  cache.take(runningInstance('new', {observedAt: at(3)}));
  cache.takeList([runningInstance('listed', {observedAt: at(2)})]);
  t.deepEqual([...cache.instances.keys()].toSorted(), ['listed', 'new']);
});

test('a list does not undo what was reported since', t => {
  const cache = createInstanceCache();
  cache.beginList();
  cache.take(runningInstance('a', {observedAt: at(3), state: 'Stopped'}));
  cache.takeList([runningInstance('a', {observedAt: at(2)})]);
  t.is(cache.instances.get('a')?.state, 'Stopped');
});

test('after the clock of the node was set back its reports count again', t => {
  const cache = createInstanceCache();
  cache.take(runningInstance('a', {observedAt: at(50)}));
  cache.forgetTimes();
  t.true(cache.take(runningInstance('a', {observedAt: at(1), state: 'Stopped'})));
  t.false(cache.take(runningInstance('a', {observedAt: at(0)})));
});

test('reports that are doubled and reordered leave the latest of each', t => {
  const report = fc.record({
    uid: fc.constantFrom('a', 'b'),
    state: fc.constantFrom('Running', 'Stopped', 'Missing'),
  });
  fc.assert(
    fc.property(fc.array(report, {minLength: 1, maxLength: 20}), fc.array(fc.nat()), (reports, order) => {
      const sent = reports.map(({uid, state}, index) => runningInstance(uid, {state, observedAt: at(index)}));
      const cache = createInstanceCache();
      const received = [...order.map(index => sent[index % sent.length]), ...sent.toReversed(), ...sent];
      for (const instance of received) {
        if (instance !== undefined) {
          cache.take(instance);
        }
      }
      for (const uid of ['a', 'b']) {
        const last = sent.findLast(instance => instance.uid === uid);
        t.deepEqual(cache.instances.get(uid), last?.state === 'Missing' ? undefined : last);
      }
    }),
  );
});
