import {z} from 'zod';

const unitMilliseconds = {ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000} as const;

type Unit = keyof typeof unitMilliseconds;

const pattern = /^(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d))+$/;

/** A span of time as people write it: `500ms`, `5s`, `1m30s`, `7d`. */
export const duration = z
  .string()
  .max(64)
  .regex(pattern, 'must be a duration such as 500ms, 5s, 1m30s or 7d');

/** Milliseconds in `text`. Throws `RangeError` for text that {@link duration} refuses. */
export function parseDuration(text: string): number {
  if (!pattern.test(text)) {
    throw new RangeError(`"${text}" is not a duration such as 500ms, 5s, 1m30s or 7d`);
  }

  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9.]+)(ms|s|m|h|d)/g)) {
    total += Number(amount) * unitMilliseconds[unit as Unit];
  }

  return total;
}
