import type {Clock} from '../../api/effects/clock.ts';
import type {Queue} from './queue.ts';

/** A queue that also takes keys for later, so that a failed attempt does not become a hot loop. */
export type DelayingQueue = Queue & {
  /** Adds the key after `milliseconds`, or sooner when it is already due sooner. */
  addAfter(key: string, milliseconds: number): void;
};

export function createDelayingQueue(queue: Queue, clock: Clock): DelayingQueue {
  type Delayed = {readonly at: number; readonly timer: Disposable};
  /** One for each key, the earliest. */
  const delayed = new Map<string, Delayed>();
  let shut = false;

  return {
    add: queue.add,
    take: queue.take,
    done: queue.done,
    drained: queue.drained,
    get length() {
      return queue.length;
    },
    addAfter(key, milliseconds) {
      if (shut) {
        return;
      }
      if (milliseconds <= 0) {
        queue.add(key);
        return;
      }
      const at = clock.now() + milliseconds;
      const present = delayed.get(key);
      if (present !== undefined && present.at <= at) {
        return;
      }
      present?.timer[Symbol.dispose]();
      const timer = clock.schedule(milliseconds, () => {
        delayed.delete(key);
        queue.add(key);
      });
      delayed.set(key, {at, timer});
    },
    shutDown() {
      shut = true;
      for (const {timer} of delayed.values()) {
        timer[Symbol.dispose]();
      }
      delayed.clear();
      queue.shutDown();
    },
  };
}
