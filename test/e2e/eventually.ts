import {setTimeout as delay} from 'node:timers/promises';

/** Milliseconds between two looks. */
const interval = 50;

/**
 * What `check` answers, once it no longer throws. After `timeout` milliseconds (60,000 by default) it throws what was wrong last: a deadline that
 * is generous on a busy machine costs nothing where all is well.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  {timeout = 60_000}: {timeout?: number} = {},
): Promise<T> {
  const until = performance.now() + timeout;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > until) {
        const message = error instanceof Error ? error.message : String(error);
        throw new Error(`still not so after ${timeout / 1000} s: ${message}`, {cause: error});
      }
    }
    await delay(interval);
  }
}
