import {setTimeout as delay} from 'node:timers/promises';

/** The one source of time. Under simulation time is virtual and moves only when everything waits. */
export type Clock = {
  /** Milliseconds since 1970, UTC. */
  now(): number;
  /** Resolves after `milliseconds`; rejects with the signal's reason as soon as it is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** Calls `callback` once after `milliseconds`, unless disposed of before. */
  schedule(milliseconds: number, callback: () => void): Disposable;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(milliseconds, signal) {
    try {
      await delay(milliseconds, undefined, signal === undefined ? {} : {signal});
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
  schedule(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return {[Symbol.dispose]: () => clearTimeout(timer)};
  },
};

/** Milliseconds of this machine's clock that nobody sets, since some moment. */
export const systemElapsed = (): number => performance.now();

/** RFC 3339 in UTC with milliseconds, as statuses and conditions carry it. */
export function timestampAt(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
