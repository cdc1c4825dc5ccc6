import {setImmediate as turn} from 'node:timers/promises';
import type {Clock} from '../../api/effects/clock.ts';

export type ManualClock = Clock & {
  /** Moves time, firing what falls due in order; all that follows from each timer happens before the next. */
  advance(milliseconds: number): Promise<void>;
  /** Lets everything happen that needs no time to pass. */
  settle(): Promise<void>;
  /** How many timers wait. */
  readonly pending: number;
};

/** Turns of the event loop after which work that waits for nothing but other promises and streams has come to rest. */
const settlingTurns = 12;

export function createManualClock(start = Date.parse('2026-11-20T10:00:00.000Z')): ManualClock {
  type Timer = {readonly at: number; readonly callback: () => void; disposed: boolean};
  /** By time, and within one time as they were set. Those that are disposed of stay until their time. */
  const timers: Timer[] = [];
  let time = start;
  let pending = 0;

  const schedule = (milliseconds: number, callback: () => void): Disposable => {
    const timer: Timer = {at: time + Math.max(0, milliseconds), callback, disposed: false};
    let [low, high] = [0, timers.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((timers[middle]?.at ?? 0) <= timer.at) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    timers.splice(low, 0, timer);
    pending += 1;
    return {
      [Symbol.dispose]() {
        pending -= timer.disposed ? 0 : 1;
        timer.disposed = true;
      },
    };
  };
  /** Takes out the next timer that is due. */
  const next = (until: number): Timer | undefined => {
    for (let first = timers[0]; first !== undefined && first.at <= until; first = timers[0]) {
      timers.shift();
      if (!first.disposed) {
        first.disposed = true;
        pending -= 1;
        return first;
      }
    }
    return undefined;
  };
  const settle = async () => {
    for (let turns = 0; turns < settlingTurns; turns += 1) {
      await turn();
    }
  };

  return {
    now: () => time,
    schedule,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
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
      }),
    async advance(milliseconds) {
      const until = time + milliseconds;
      await settle();
      for (let timer = next(until); timer !== undefined; timer = next(until)) {
        time = timer.at;
        timer.callback();
        await settle();
      }
      time = until;
    },
    settle,
    get pending() {
      return pending;
    },
  };
}
