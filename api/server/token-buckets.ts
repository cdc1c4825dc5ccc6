import type {Clock} from '../effects/clock.ts';

export type Rate = {
  /** Requests a second, for ever. */
  readonly perSecond: number;
  /** At once, after a pause. */
  readonly burst: number;
};

/** A token bucket for each key. */
export type TokenBuckets = {
  /** 0 when the request may pass, else milliseconds until one may. */
  take(key: string): number;
};

/** Keys that are remembered; beyond it the one that was used longest ago is forgotten. */
const capacity = 10_000;

export function createTokenBuckets({clock, rate}: {clock: Clock; rate: Rate}): TokenBuckets {
  const buckets = new Map<string, {tokens: number; at: number}>();
  return {
    take(key) {
      const now = clock.now();
      const known = buckets.get(key) ?? {tokens: rate.burst, at: now};
      const refilled = Math.min(
        rate.burst,
        known.tokens + (Math.max(0, now - known.at) / 1000) * rate.perSecond,
      );
      const passes = refilled >= 1;
      // Last used, last forgotten.
      buckets.delete(key);
      buckets.set(key, {tokens: passes ? refilled - 1 : refilled, at: now});
      const [oldest] = buckets.keys();
      if (buckets.size > capacity && oldest !== undefined) {
        buckets.delete(oldest);
      }

      return passes ? 0 : ((1 - refilled) / rate.perSecond) * 1000;
    },
  };
}
