import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import type {ControllerMetrics} from '../metrics.ts';
import {createDelayingQueue} from '../workqueue/delaying-queue.ts';
import {createQueue} from '../workqueue/queue.ts';
import {createRateLimitedQueue} from '../workqueue/rate-limited-queue.ts';
import type {Reconcile} from './reconcile.ts';
import {runWorkers} from './workers.ts';

export type ManagedControllerOptions = {
  readonly name: string;
  readonly reconcile: Reconcile;
  /** Brings the keys of what has changed. */
  watch(enqueue: (key: string) => void): Disposable;
  /** All keys there are, for resyncs. */
  keys(): readonly string[];
  /** Resolves when the caches hold everything: nothing is reconciled before, and then all there is. */
  readonly ready: Promise<unknown>;
  /** Cuts off reconciles that run, at once. */
  readonly cutOff?: AbortSignal;
  readonly workers: number;
  /** Milliseconds between resyncs. */
  readonly resyncInterval: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: ControllerMetrics;
};

export type ManagedController = {
  /** Resolves when `signal` is aborted and no reconcile runs any more; never rejects. */
  run(signal: AbortSignal): Promise<void>;
};

/** A reconciler with a queue, watches that fill it, and workers that empty it. */
export function createManagedController(options: ManagedControllerOptions): ManagedController {
  const {name, keys, ready, workers, resyncInterval, clock, random, metrics} = options;

  return {
    async run(signal) {
      const observer = metrics.queue(name);
      const queue = createRateLimitedQueue({
        queue: createDelayingQueue(createQueue(observer), clock),
        random,
        observer,
      });
      // From the start, so that no change is missed while the caches fill.
      using _watches = options.watch(queue.add);
      const resyncing = ready.then(
        () => resync({queue, keys, clock, random, interval: resyncInterval}, signal),
        () => {},
      );
      // What was in the caches before has brought no change.
      await ready.then(() => keys().forEach(queue.add)).catch(() => {});
      await runWorkers({...options, queue, observer: metrics.workers(name, {workers})}, signal);
      await resyncing;
      // What is left in the queue waits for nobody: another server may see to it.
      metrics.queue(name);
    },
  };
}

type Resync = {
  readonly queue: {addAfter(key: string, milliseconds: number): void};
  readonly keys: () => readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly interval: number;
};

/** Looks at everything each `interval`, spread over a tenth of it, so that it is no burst. */
async function resync({queue, keys, clock, random, interval}: Resync, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(interval, signal).catch(() => {});
    for (const key of signal.aborted ? [] : keys()) {
      queue.addAfter(key, (random.fraction() * interval) / 10);
    }
  }
}
