import type {DriverEvent} from './driver.ts';

/** Events of a backend for a reader that takes them in its own time. */
export type MergedEvents = {
  /** Of this instance, or undefined: of any. */
  tell(uid: string | undefined): void;
  /** Ends `events`, as the signal does. */
  close(): void;
  /**
   * Begins with one of any instance, since what happened before was missed. What is not taken in time is merged, so that a slow reader holds at most
   * one event an instance. To be read once.
   */
  events(): AsyncIterable<DriverEvent>;
};

export function createMergedEvents(signal: AbortSignal): MergedEvents {
  const waiting = new Set<string | undefined>([undefined]);
  let wake = Promise.withResolvers<void>();
  let open = true;
  const close = () => {
    open = false;
    wake.resolve();
  };
  return {
    tell(uid) {
      waiting.add(uid);
      wake.resolve();
    },
    close,
    async *events() {
      signal.addEventListener('abort', close, {once: true});
      try {
        while (open && !signal.aborted) {
          const batch = waiting.has(undefined) ? [undefined] : [...waiting];
          waiting.clear();
          for (const uid of batch) yield {uid};
          if (waiting.size > 0) continue;
          await wake.promise;
          wake = Promise.withResolvers<void>();
        }
      } finally {
        signal.removeEventListener('abort', close);
      }
    },
  };
}
