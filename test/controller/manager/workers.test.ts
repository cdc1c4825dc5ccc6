import test from 'ava';
import {Registry} from 'prom-client';
import {silentLogger} from '../../../api/effects/logger.ts';
import {StorageError} from '../../../api/storage/storage-error.ts';
import type {Reconcile} from '../../../controller/manager/reconcile.ts';
import {TerminalError} from '../../../controller/manager/terminal-error.ts';
import {runWorkers} from '../../../controller/manager/workers.ts';
import {createControllerMetrics} from '../../../controller/metrics.ts';
import {createDelayingQueue} from '../../../controller/workqueue/delaying-queue.ts';
import {createQueue} from '../../../controller/workqueue/queue.ts';
import {createRateLimitedQueue} from '../../../controller/workqueue/rate-limited-queue.ts';
import {fixedRandom} from '../../fakes/fixed-random.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';

function setUp(reconcile: Reconcile, {workers = 2, deadline = 10_000} = {}) {
  const clock = createManualClock();
  const registry = new Registry();
  const metrics = createControllerMetrics(registry, clock);
  const observer = metrics.queue('test');
  const queue = createRateLimitedQueue({
    queue: createDelayingQueue(createQueue(observer), clock),
    random: fixedRandom(),
    observer,
    backOff: {base: 1000, limit: 60_000},
  });
  const stopping = new AbortController();
  const deposed = new AbortController();
  const stopped = runWorkers(
    {
      name: 'test',
      queue,
      reconcile,
      clock,
      log: silentLogger,
      observer: metrics.workers('test', {workers}),
      workers,
      deadline,
      grace: 3000,
      cutOff: deposed.signal,
    },
    stopping.signal,
  );
  const value = async (name: string, labels: Record<string, string> = {}) => {
    const metric = await registry.getSingleMetric(name)?.get();
    return metric?.values.find(
      sample =>
        Object.entries(labels).every(([label, wanted]) => sample.labels[label] === wanted) &&
        !('metricName' in sample && String(sample.metricName).endsWith('_bucket')),
    )?.value;
  };
  return {
    clock,
    queue,
    stop: () => stopping.abort(),
    depose: () => deposed.abort(new Error('deposed')),
    stopped,
    value,
  };
}

test('a key is reconciled, and again when it asks for it', async t => {
  const keys: string[] = [];
  const {clock, queue, value, stop, stopped} = setUp(async key => {
    keys.push(key);
    return keys.length === 1 ? {requeueAfter: 5000, reason: 'waits for the image'} : {};
  });
  queue.add('a');
  await clock.settle();
  t.deepEqual(keys, ['a']);
  await clock.advance(5000);
  t.deepEqual(keys, ['a', 'a']);
  await clock.advance(600_000);
  t.is(keys.length, 2);
  t.is(await value('controller_runtime_reconcile_total', {result: 'requeue_after'}), 1);
  t.is(await value('controller_runtime_reconcile_total', {result: 'success'}), 1);
  t.is(await value('workqueue_adds_total'), 2);
  stop();
  await stopped;
});

test('as many keys at once as there are workers, and never one key twice', async t => {
  const running: string[] = [];
  const {clock, queue, value, stop, stopped} = setUp(async (key, signal) => {
    t.false(running.includes(key));
    running.push(key);
    await clock.sleep(1000, signal);
    running.splice(running.indexOf(key), 1);
    return {};
  });
  for (const key of ['a', 'b', 'c']) {
    queue.add(key);
  }
  await clock.settle();
  t.deepEqual(running, ['a', 'b']);
  t.is(await value('controller_runtime_active_workers'), 2);
  t.is(await value('workqueue_depth'), 1);
  queue.add('a');
  await clock.advance(400);
  t.deepEqual(running, ['a', 'b']);
  t.is(await value('workqueue_unfinished_work_seconds'), 0.8);
  t.is(await value('workqueue_longest_running_processor_seconds'), 0.4);
  await clock.advance(600);
  t.deepEqual(running, ['c', 'a']);
  stop();
  await clock.advance(1000);
  await stopped;
});

test('a failure is retried with growing delays', async t => {
  const times: number[] = [];
  const {clock, queue, value, stop, stopped} = setUp(async () => {
    times.push(clock.now());
    if (times.length < 4) {
      throw new Error('the node does not answer');
    }
    return {};
  });
  const start = clock.now();
  queue.add('a');
  await clock.advance(60_000);
  t.deepEqual(
    times.map(time => time - start),
    [0, 750, 2250, 5250],
  );
  t.is(queue.failures('a'), 0);
  t.is(await value('workqueue_retries_total'), 3);
  t.is(await value('controller_runtime_reconcile_errors_total'), 3);
  stop();
  await stopped;
});

test('a terminal error is not retried, until something changes', async t => {
  let attempts = 0;
  const {clock, queue, value, stop, stopped} = setUp(async () => {
    attempts += 1;
    throw new TerminalError('there is no such provider');
  });
  queue.add('a');
  await clock.advance(3_600_000);
  t.is(attempts, 1);
  queue.add('a');
  await clock.settle();
  t.is(attempts, 2);
  t.is(await value('controller_runtime_terminal_reconcile_errors_total'), 2);
  stop();
  await stopped;
});

test('a conflict of the store is a requeue, not an error', async t => {
  let attempts = 0;
  const {clock, queue, value, stop, stopped} = setUp(async () => {
    attempts += 1;
    if (attempts === 1) {
      throw new StorageError('Conflict', 'it changed');
    }
    return {};
  });
  queue.add('a');
  await clock.advance(1000);
  t.is(attempts, 2);
  t.is(await value('controller_runtime_reconcile_total', {result: 'requeue'}), 1);
  t.is((await value('controller_runtime_reconcile_errors_total')) ?? 0, 0);
  stop();
  await stopped;
});

test('a reconcile is cut off at its deadline and retried', async t => {
  const reasons: string[] = [];
  const {clock, queue, stop, stopped} = setUp(async (_key, signal) => {
    try {
      await clock.sleep(1_000_000, signal);
    } catch (error) {
      reasons.push(String(error));
      throw error;
    }
    return {};
  });
  queue.add('a');
  await clock.advance(9999);
  t.deepEqual(reasons, []);
  await clock.advance(1);
  t.deepEqual(reasons, ['Error: took longer than its deadline of 10000 ms']);
  t.is(queue.failures('a'), 1);
  stop();
  await clock.advance(3000);
  await stopped;
});

test('stopping lets what runs finish and starts nothing more', async t => {
  const finished: string[] = [];
  const {clock, queue, stop, stopped} = setUp(
    async key => {
      await clock.sleep(2000);
      finished.push(key);
      return {requeueAfter: 1};
    },
    {workers: 1},
  );
  queue.add('a');
  queue.add('b');
  await clock.settle();
  stop();
  await clock.advance(2000);
  await stopped;
  t.deepEqual(finished, ['a']);
  t.is(clock.pending, 0);
});

test('stopping cuts off what takes longer than the grace', async t => {
  let reason: unknown;
  const {clock, queue, stop, stopped} = setUp(async (_key, signal) => {
    await clock.sleep(9000, signal).catch(error => {
      reason = error;
    });
    return {};
  });
  queue.add('a');
  await clock.settle();
  stop();
  await clock.advance(3000);
  await stopped;
  t.is(String(reason), 'Error: the controller stops');
  t.is(clock.pending, 0);
});

test('who does not lead any more is cut off at once, without a grace', async t => {
  let reason: unknown;
  const {clock, queue, stop, depose, stopped} = setUp(async (_key, signal) => {
    await clock.sleep(600_000, signal).catch((error: unknown) => {
      reason = error;
      throw error;
    });
    return {};
  });
  queue.add('a');
  await clock.settle();
  depose();
  stop();
  await stopped;
  t.like(reason, {message: 'deposed'});
});
