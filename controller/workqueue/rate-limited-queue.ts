import type {Random} from '../../api/effects/random.ts';
import type {BackOffOptions} from './back-off.ts';
import {backOffDelay} from './back-off.ts';
import type {DelayingQueue} from './delaying-queue.ts';
import type {QueueObserver} from './queue.ts';
import {silentQueueObserver} from './queue.ts';

/** The outermost layer: a key that fails waits exponentially longer each time, on its own account. */
export type RateLimitedQueue = DelayingQueue & {
  /** Adds the key after the delay that its failures call for, and counts one more. */
  addRateLimited(key: string): void;
  /** It went well: the next failure is the first. */
  forget(key: string): void;
  failures(key: string): number;
};

export type RateLimitedQueueOptions = {
  readonly queue: DelayingQueue;
  readonly random: Random;
  /** 100 ms to 5 minutes by default. */
  readonly backOff?: BackOffOptions;
  readonly observer?: QueueObserver;
};

const defaultBackOff: BackOffOptions = {base: 100, limit: 300_000};

export function createRateLimitedQueue(options: RateLimitedQueueOptions): RateLimitedQueue {
  const {queue, random, backOff = defaultBackOff, observer = silentQueueObserver} = options;
  /** Only of keys that failed last time. */
  const failures = new Map<string, number>();

  return {
    add: queue.add,
    addAfter: queue.addAfter,
    take: queue.take,
    done: queue.done,
    shutDown: queue.shutDown,
    drained: queue.drained,
    get length() {
      return queue.length;
    },
    addRateLimited(key) {
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      observer.retried(key);
      queue.addAfter(key, backOffDelay(count, backOff, random));
    },
    forget(key) {
      failures.delete(key);
    },
    failures: key => failures.get(key) ?? 0,
  };
}
