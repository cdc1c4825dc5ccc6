const first = 1000;
const longest = 60_000;

/** Milliseconds to wait before the next start, after so many exits in a row: 1 s, doubled each time, at most a minute. */
export function backOff(crashes: number): number {
  return Math.min(first * 2 ** Math.min(Math.max(crashes - 1, 0), 16), longest);
}

/** A service that was up for so long starts anew with the shortest wait. */
export const resetAfter = 60_000;
