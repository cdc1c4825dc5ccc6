/** One piece of work whose result several wait for. Whoever gives up leaves it to the others; when all have, it is aborted. */
export type SharedWork<T> = {
  /** Rejects with the signal's reason as soon as that is aborted. */
  result(signal: AbortSignal): Promise<T>;
  /** Aborted once it has failed or was given up: nobody new gets a result of it. */
  readonly failed: AbortSignal;
};

/** Begins it. */
export function shareWork<T>(work: (signal: AbortSignal) => Promise<T>): SharedWork<T> {
  const failing = new AbortController();
  let waiting = 0;
  let done = false;
  const working = work(failing.signal);
  working.then(
    () => {
      done = true;
    },
    error => failing.abort(error),
  );

  return {
    failed: failing.signal,
    async result(signal) {
      signal.throwIfAborted();
      const aborted = Promise.withResolvers<never>();
      const onAbort = () => aborted.reject(signal.reason);
      signal.addEventListener('abort', onAbort, {once: true});
      waiting += 1;
      try {
        return await Promise.race([working, aborted.promise]);
      } finally {
        signal.removeEventListener('abort', onAbort);
        waiting -= 1;
        if (waiting === 0 && !done) {
          failing.abort(signal.reason);
        }
      }
    },
  };
}
