/** What is kept of many samples of one quantity. */
export type Summary = {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly samples: number;
};

export function summarise(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    median: percentile(values, 0.5),
    least: sorted[0] ?? Number.NaN,
    most: sorted.at(-1) ?? Number.NaN,
    samples: values.length,
  };
}

/** By nearest rank: one of the values, the smallest that at least this share of them does not exceed. NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Pair by pair, in the order in which they were taken: what slowed the machine for a while is in both. */
export function ratios(measured: readonly number[], reference: readonly number[]): Summary {
  return summarise(measured.map((value, index) => value / (reference[index] ?? Number.NaN)));
}
