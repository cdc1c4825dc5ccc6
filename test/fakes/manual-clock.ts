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
  type Timer = {readonly at: number; readonly order: number; readonly callback: () => void};
  const timers = new Set<Timer>();
  let time = start;
  let order = 0;

  const schedule = (milliseconds: number, callback: () => void): Disposable => {
    order += 1;
    const timer = {at: time + Math.max(0, milliseconds), order, callback};
    timers.add(timer);
    return {[Symbol.dispose]: () => void timers.delete(timer)};
  };
  const next = (until: number): Timer | undefined =>
    [...timers].filter(({at}) => at <= until).sort((a, b) => a.at - b.at || a.order - b.order)[0];
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
        timers.delete(timer);
        timer.callback();
        await settle();
      }
      time = until;
    },
    settle,
    get pending() {
      return timers.size;
    },
  };
}
