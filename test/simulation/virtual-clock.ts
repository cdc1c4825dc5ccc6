import {setImmediate as turn} from 'node:timers/promises';
import type {Clock} from '../../api/effects/clock.ts';
import type {Random} from '../../api/effects/random.ts';

/** Time that moves only when everything waits for it. */
export type VirtualClock = Clock & {
  /** Runs all that happens until `until` (milliseconds since 1970), or until `stop` answers true between two steps. */
  run(until: number, stop?: () => boolean): Promise<void>;
  /** Timers that wait. */
  readonly pending: number;
  /** Timers that fired so far. */
  readonly steps: number;
};

type Timer = {readonly at: number; readonly tie: number; callback: (() => void) | undefined};

/** Turns of the event loop after which everything that waits for no timer has come to rest: one for promises and streams, one to be sure. */
const settlingTurns = 2;

/** Timers that fall due at the same moment fire in an order that `random` chooses. */
export function createVirtualClock(start: number, random: Random): VirtualClock {
  const heap: Timer[] = [];
  let time = start;
  let waiting = 0;
  let steps = 0;

  const schedule = (milliseconds: number, callback: () => void): Disposable => {
    const timer: Timer = {at: time + Math.max(0, milliseconds), tie: random.fraction(), callback};
    waiting += 1;
    push(heap, timer);
    return {
      [Symbol.dispose]() {
        if (timer.callback !== undefined) {
          timer.callback = undefined;
          waiting -= 1;
        }
      },
    };
  };

  return {
    // Whole milliseconds, as a real clock gives; between them messages have an order.
    now: () => Math.floor(time),
    schedule,
    sleep: (milliseconds, signal) => sleepOn(schedule, milliseconds, signal),
    async run(until, stop = () => false) {
      for (;;) {
        for (let turns = 0; turns < settlingTurns; turns += 1) {
          await turn();
        }

        if (stop()) {
          return;
        }

        let next = heap[0];
        while (next !== undefined && next.callback === undefined) {
          pop(heap);
          next = heap[0];
        }

        if (next?.callback === undefined || next.at > until) {
          time = until;
          return;
        }

        pop(heap);
        const {callback} = next;
        next.callback = undefined;
        waiting -= 1;
        steps += 1;
        time = next.at;
        callback();
      }
    },
    get pending() {
      return waiting;
    },
    get steps() {
      return steps;
    },
  };
}

/** `Clock.sleep` made of `Clock.schedule`. */
export function sleepOn(
  schedule: Clock['schedule'],
  milliseconds: number,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }

    const onAbort = () => {
      timer[Symbol.dispose]();
      reject(signal?.reason);
    };
    const timer = schedule(milliseconds, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, {once: true});
  });
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.at < other.at || (one.at === other.at && one.tie < other.tie);
}

/** A binary heap, the earliest timer first. */
function push(heap: Timer[], timer: Timer): void {
  let index = heap.length;
  heap.push(timer);
  while (index > 0) {
    const above = (index - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || !isBefore(timer, parent)) {
      break;
    }

    heap[index] = parent;
    index = above;
  }

  heap[index] = timer;
}

function pop(heap: Timer[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) {
    return;
  }

  let index = 0;
  for (;;) {
    let below = 2 * index + 1;
    const left = heap[below];
    const right = heap[below + 1];
    if (left === undefined) {
      break;
    }

    if (right !== undefined && isBefore(right, left)) {
      below += 1;
    }

    const child = heap[below];
    if (child === undefined || !isBefore(child, last)) {
      break;
    }

    heap[index] = child;
    index = below;
  }

  heap[index] = last;
}
