import test from 'ava';
import fc from 'fast-check';
import {backOffDelay} from '../../../controller/workqueue/back-off.ts';
import {createDelayingQueue} from '../../../controller/workqueue/delaying-queue.ts';
import {createQueue} from '../../../controller/workqueue/queue.ts';
import {createRateLimitedQueue} from '../../../controller/workqueue/rate-limited-queue.ts';
import {fixedRandom} from '../../fakes/fixed-random.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';

function setUp(fraction = 0.999999) {
  const clock = createManualClock();
  const delaying = createDelayingQueue(createQueue(), clock);
  return {
    clock,
    delaying,
    queue: createRateLimitedQueue({
      queue: delaying,
      random: fixedRandom(fraction),
      backOff: {base: 1000, limit: 60_000},
    }),
  };
}

test('a key for later comes then and not before', async t => {
  const {clock, delaying} = setUp();
  delaying.addAfter('a', 500);
  await clock.advance(499);
  t.is(delaying.length, 0);
  await clock.advance(1);
  t.is(await delaying.take(), 'a');
});

test('of several times for one key the earliest counts, once', async t => {
  const {clock, delaying} = setUp();
  delaying.addAfter('a', 500);
  delaying.addAfter('a', 100);
  delaying.addAfter('a', 300);
  t.is(clock.pending, 1);
  await clock.advance(100);
  t.is(delaying.length, 1);
  await clock.advance(1000);
  t.is(delaying.length, 1);
});

test('no delay means now', t => {
  const {clock, delaying} = setUp();
  delaying.addAfter('a', 0);
  delaying.addAfter('b', -5);
  t.is(delaying.length, 2);
  t.is(clock.pending, 0);
});

test('shutting down leaves no timer behind', async t => {
  const {clock, delaying} = setUp();
  delaying.addAfter('a', 500);
  delaying.shutDown();
  delaying.addAfter('b', 500);
  t.is(clock.pending, 0);
  t.is(await delaying.take(), undefined);
});

test('a key that fails waits twice as long each time, until it goes well', async t => {
  const {clock, queue} = setUp();
  const waits = [];
  for (let failure = 0; failure < 8; failure += 1) {
    const before = clock.now();
    queue.addRateLimited('a');
    while (queue.length === 0) {
      await clock.advance(500);
    }
    waits.push(clock.now() - before);
    await queue.take();
    queue.done('a');
  }
  t.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  t.is(queue.failures('a'), 8);
  queue.forget('a');
  t.is(queue.failures('a'), 0);
  queue.addRateLimited('a');
  await clock.advance(1000);
  t.is(queue.length, 1);
});

test('each key fails on its own account', async t => {
  const {clock, queue} = setUp();
  for (let failure = 0; failure < 5; failure += 1) {
    queue.addRateLimited('a');
  }
  queue.addRateLimited('b');
  await clock.advance(1000);
  t.is(await queue.take(), 'a', 'its earliest time still counts');
  t.is(await queue.take(), 'b');
});

test('a delay lies between a half and the whole of its step and never above the limit', t => {
  fc.assert(
    fc.property(
      fc.integer({min: 1, max: 5000}),
      fc.double({min: 0, max: 1, maxExcluded: true, noNaN: true}),
      (failures, fraction) => {
        const delay = backOffDelay(failures, {base: 100, limit: 300_000}, fixedRandom(fraction));
        const step = Math.min(300_000, 100 * 2 ** (failures - 1));
        t.true(delay >= step / 2 && delay <= step);
      },
    ),
  );
});
