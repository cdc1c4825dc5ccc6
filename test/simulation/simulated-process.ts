import type {Clock} from '../../api/effects/clock.ts';
import {sleepOn} from './virtual-clock.ts';

/**
 * A process that can be killed as by kill -9: from then on none of its timers fires and nothing it waits for outside ever comes. What it was
 * doing stops where it is; no `finally` runs.
 */
export type SimulatedProcess = {
  readonly name: string;
  readonly clock: Clock;
  readonly alive: boolean;
  /** Aborted by the death; for what is outside and must notice it. Code inside must not listen to it. */
  readonly died: AbortSignal;
  /** What comes from outside: never settles once the process is dead. */
  outside<T>(promise: Promise<T>): Promise<T>;
  kill(): void;
};

export function startProcess(name: string, world: Clock): SimulatedProcess {
  const death = new AbortController();
  const timers = new Set<Disposable>();
  const {signal} = death;

  const schedule = (milliseconds: number, callback: () => void): Disposable => {
    const timer = world.schedule(milliseconds, () => {
      timers.delete(timer);
      callback();
    });
    if (signal.aborted) {
      timer[Symbol.dispose]();
      return timer;
    }

    timers.add(timer);
    return {
      [Symbol.dispose]() {
        timers.delete(timer);
        timer[Symbol.dispose]();
      },
    };
  };

  return {
    name,
    died: signal,
    get alive() {
      return !signal.aborted;
    },
    clock: {
      now: world.now,
      schedule,
      sleep: (milliseconds, abort) => sleepOn(schedule, milliseconds, abort),
    },
    outside: promise =>
      new Promise((resolve, reject) => {
        promise.then(
          value => signal.aborted || resolve(value),
          (error: unknown) => signal.aborted || reject(error),
        );
      }),
    kill() {
      death.abort(new Error(`${name} was killed`));
      for (const timer of timers) {
        timer[Symbol.dispose]();
      }

      timers.clear();
    },
  };
}
