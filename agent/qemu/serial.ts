/** Runs work one at a time for each key, in the order in which it came. */
export type Serial = <T>(key: string, work: () => Promise<T>) => Promise<T>;

export function createSerial(): Serial {
  const tails = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = tails.get(key) ?? Promise.resolve();
    const now = before.then(work, work);
    tails.set(key, now);
    try {
      return await now;
    } finally {
      if (tails.get(key) === now) tails.delete(key);
    }
  };
}
