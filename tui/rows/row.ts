/** `good`, `bad` and `busy` are coloured; `quiet` is dimmed. */
export type Tone = 'plain' | 'good' | 'bad' | 'busy' | 'quiet';

export type Cell = {
  readonly text: string;
  readonly tone?: Tone /** Sorted by this instead of the text. */;
  readonly order?: number;
};

export type Column = {
  readonly title: string /** Share of the width that is left once all minimum widths are met. */;
  readonly grow?: number;
  readonly minimum: number;
};

export type Row = {
  /** Stays the same while the thing is the same: selection and marks hold on to it. */
  readonly id: string;
  readonly cells: readonly Cell[];
};

/** Widths of all columns in `total` character cells, one space between two. Columns that do not fit get 0, from the right. */
export function columnWidths(columns: readonly Column[], total: number): number[] {
  const widths: number[] = [];
  // Each column takes a space as well; the last one's is not there.
  let left = total + 1;
  for (const {minimum} of columns) {
    const fits = left > minimum;
    widths.push(fits ? minimum : 0);
    left = fits ? left - minimum - 1 : 0;
  }

  const shares = columns.reduce((sum, {grow = 0}, index) => (widths[index] === 0 ? sum : sum + grow), 0);
  return widths.map((width, index) =>
    width === 0 || shares === 0 ? width : width + Math.floor((left * (columns[index]?.grow ?? 0)) / shares),
  );
}

/** `text` in exactly `width` cells of single-width characters: padded, or cut with an ellipsis. Control characters become `�`. */
export function padOrCut(text: string, width: number): string {
  const safe = text.replace(/\p{Cc}/gu, '�');
  return safe.length > width
    ? `${safe.slice(0, Math.max(0, width - 1))}…`.slice(0, width)
    : safe.padEnd(width);
}
