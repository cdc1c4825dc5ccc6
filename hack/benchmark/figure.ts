import type {Setting} from './setting.ts';
import type {Summary} from './statistics.ts';

/** One line of the table. */
export type Row = {
  readonly what: string;
  readonly unit: 'ms' | 's' | 'bytes' | 'count' | 'per second' | 'MiB/s';
  readonly nexus: Summary;
  /** The same, without Nexus in between. */
  readonly reference?: {readonly what: string; readonly summary: Summary};
  /** Nexus to reference, of samples that were taken in turns. */
  readonly ratio?: Summary;
  readonly aim?: Aim;
  /** Where the time goes, and what else explains the row; medians by name. */
  readonly details?: Readonly<Record<string, number>>;
};

/** What the row must not exceed, or, as `atLeast`, fall below. `ratio` and `difference` are of the medians to the reference. */
export type Aim = {
  readonly of: 'median' | 'ratio' | 'difference';
  readonly atMost?: number;
  readonly atLeast?: number;
};

export type FigureContext = {
  /** Fewer samples. */
  readonly quick: boolean;
  /** A Nexus on real containers; made at the first call. */
  setting(): Promise<Setting>;
  say(text: string): void;
};

export type Figure = {readonly name: string; measure(context: FigureContext): Promise<readonly Row[]>};

/** The number that the aim is about. */
export function aimedAt({nexus, reference, ratio}: Row, {of}: Aim): number {
  switch (of) {
    case 'median':
      return nexus.median;
    case 'ratio':
      return ratio?.median ?? Number.NaN;
    case 'difference':
      return nexus.median - (reference?.summary.median ?? Number.NaN);
  }
}

export function isMet(row: Row, aim: Aim): boolean {
  const value = aimedAt(row, aim);
  return value <= (aim.atMost ?? Infinity) && value >= (aim.atLeast ?? -Infinity);
}
