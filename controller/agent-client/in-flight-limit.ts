/** Lets so many run at once; the rest wait their turn, in order. */
export type InFlightLimit = <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;

export function createInFlightLimit(limit: number): InFlightLimit {
  let running = 0;
  const waiting: (() => void)[] = [];

  const enter = (signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      signal.throwIfAborted();
      if (running < limit) {
        running += 1;
        resolve();
        return;
      }
      const onAbort = () => {
        waiting.splice(waiting.indexOf(go), 1);
        reject(signal.reason);
      };
      // The place of the one that leaves is handed on: `running` stays as it is.
      const go = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      signal.addEventListener('abort', onAbort, {once: true});
      waiting.push(go);
    });
  const leave = () => {
    const next = waiting.shift();
    if (next === undefined) {
      running -= 1;
    } else {
      next();
    }
  };

  return async (work, signal) => {
    await enter(signal);
    try {
      return await work();
    } finally {
      leave();
    }
  };
}
