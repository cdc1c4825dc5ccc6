import type {Style, Tone} from './style.ts';

export type Cell = {readonly text: string; readonly tone?: Tone | undefined};

export type Column<T> = {
  readonly header: string;
  /** Shown with `-o wide` only. */
  readonly wide?: boolean;
  cell(row: T, now: number): Cell | string;
};

const gap = '   ';

/** Columns as wide as their widest cell, in one go; the last is not padded. Lines without their line ends; a cell never takes more than one. */
export function renderTable(
  headers: readonly string[],
  cells: readonly (readonly Cell[])[],
  style: Style,
): string[] {
  const rows = cells.map(row => row.map(({text, tone}) => ({text: oneLine(text), tone})));
  const columns = Math.max(headers.length, rows[0]?.length ?? 0);
  const widths = Array.from({length: columns}, (_, index) =>
    Math.max(headers[index]?.length ?? 0, ...rows.map(row => displayWidth(row[index]?.text ?? ''))),
  );
  const line = (row: readonly Cell[]) =>
    row
      .map(({text, tone}, index) => {
        const padding = index === row.length - 1 ? 0 : (widths[index] ?? 0) - displayWidth(text);
        return style(tone, text) + ' '.repeat(padding);
      })
      .join(gap)
      .trimEnd();
  return [...(headers.length === 0 ? [] : [line(headers.map(text => ({text})))]), ...rows.map(line)];
}

export function cellsOf<T>(columns: readonly Column<T>[], row: T, now: number): Cell[] {
  return columns.map(column => {
    const cell = column.cell(row, now);
    const {text, tone} = typeof cell === 'string' ? {text: cell, tone: undefined} : cell;
    return {text: text === '' ? '-' : text, tone};
  });
}

/** What comes from elsewhere may hold control characters; none reaches the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, character =>
    character === '\t' || character === '\n' ? character : '\uFFFD',
  );
}

function oneLine(text: string): string {
  return printable(text.replaceAll(/\s*[\r\n\t]\s*/g, ' '));
}

function displayWidth(text: string): number {
  return [...text].length;
}
