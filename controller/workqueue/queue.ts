/** Told of what happens to a queue; for metrics. */
export type QueueObserver = {
  /** `depth` keys wait now. */
  added(key: string, depth: number): void;
  taken(key: string, depth: number): void;
  done(key: string): void;
  retried(key: string): void;
};

export const silentQueueObserver: QueueObserver = {
  added() {},
  taken() {},
  done() {},
  retried() {},
};

/**
 * The innermost layer, with the guarantees of client-go's workqueue:
 *
 * - Fair: keys are taken in the order they were added.
 * - Stingy: a key that is added many times before it is taken is taken once.
 * - Exclusive: a key is never with two workers at once; added while one has it, it is taken again after {@link Queue.done}.
 * - Nothing is lost: after each `add` that returned, the key is taken once more, unless the queue is shut down.
 */
export type Queue = {
  add(key: string): void;
  /** The next key, as soon as there is one; undefined once the queue is shut down. Each key must be given back by {@link done}. */
  take(): Promise<string | undefined>;
  done(key: string): void;
  /** Keys that wait to be taken. */
  readonly length: number;
  /** What waits is dropped and nothing is taken in any more. What was taken may be finished; see {@link drained}. */
  shutDown(): void;
  /** Resolves when the queue is shut down and every key that was taken is done. */
  drained(): Promise<void>;
};

export function createQueue(observer: QueueObserver = silentQueueObserver): Queue {
  /** Keys that wait, in order. Holds no key twice and none that is in `processing`. */
  const waiting: string[] = [];
  /** The members of `waiting`, and those keys in `processing` that are to be taken again. */
  const dirty = new Set<string>();
  /** Keys that a worker has. */
  const processing = new Set<string>();
  /** Workers that wait for a key. Empty unless `waiting` is. */
  const takers: ((key: string | undefined) => void)[] = [];
  const drained = Promise.withResolvers<void>();
  let shut = false;

  const hand = (key: string): string => {
    processing.add(key);
    dirty.delete(key);
    observer.taken(key, waiting.length);
    return key;
  };

  const push = (key: string) => {
    const taker = takers.shift();
    if (taker === undefined) {
      waiting.push(key);
      observer.added(key, waiting.length);
    } else {
      observer.added(key, 1);
      taker(hand(key));
    }
  };

  const settleDrained = () => {
    if (shut && processing.size === 0) {
      drained.resolve();
    }
  };

  return {
    add(key) {
      if (shut || dirty.has(key)) {
        return;
      }
      dirty.add(key);
      if (!processing.has(key)) {
        push(key);
      }
    },
    async take() {
      if (shut) {
        return undefined;
      }
      const key = waiting.shift();
      return key === undefined ? new Promise(resolve => takers.push(resolve)) : hand(key);
    },
    done(key) {
      if (!processing.delete(key)) {
        return;
      }
      observer.done(key);
      if (dirty.has(key)) {
        push(key);
      }
      settleDrained();
    },
    get length() {
      return waiting.length;
    },
    shutDown() {
      shut = true;
      waiting.length = 0;
      dirty.clear();
      for (const taker of takers.splice(0)) {
        taker(undefined);
      }
      settleDrained();
    },
    drained: () => drained.promise,
  };
}
