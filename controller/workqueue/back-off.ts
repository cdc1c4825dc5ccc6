import type {Random} from '../../api/effects/random.ts';

export type BackOffOptions = {
  /** Milliseconds of the first delay, before jitter. */
  readonly base: number;
  /** Milliseconds that no delay exceeds. */
  readonly limit: number;
};

/**
 * Milliseconds to wait after `failures` failures in a row (at least 1): doubled each time up to `limit`, then taken between a half and the whole of
 * that, so that what failed together does not come back together.
 */
export function backOffDelay(failures: number, options: BackOffOptions, random: Random): number {
  const whole = Math.min(options.limit, options.base * 2 ** Math.min(failures - 1, 52));
  return whole * (0.5 + 0.5 * random.fraction());
}
