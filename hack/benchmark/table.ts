import type {Aim, Row} from './figure.ts';
import {isMet} from './figure.ts';
import type {Summary} from './statistics.ts';

/** In Markdown, aligned so that it is a table in a terminal too. */
export function formatTable(rows: readonly Row[]): string {
  const cells = [
    ['what', 'Nexus', 'reference', 'ratio', 'aim', 'met'],
    ...rows.map(row => [
      row.what,
      withRange(row.nexus, row),
      row.reference === undefined ? '–' : `${withRange(row.reference.summary, row)} ${row.reference.what}`,
      row.ratio === undefined ? '–' : ratioText(row.ratio),
      row.aim === undefined ? '–' : aimText(row.aim, row),
      row.aim === undefined ? '' : isMet(row, row.aim) ? 'yes' : 'no',
    ]),
  ];
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(3, ...cells.map(line => line[column]?.length ?? 0)),
  );
  const lines = cells.map(
    line => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  lines.splice(1, 0, `|${widths.map(width => '-'.repeat(width + 2)).join('|')}|`);
  return `${lines.join('\n')}\n`;
}

function withRange({median, least, most, samples}: Summary, {unit}: Row): string {
  const text = quantity(median, unit);
  return samples === 1 ? text : `${text} (${short(least)}–${short(most)})`;
}

function ratioText({median, least, most, samples}: Summary): string {
  const text = `${median.toFixed(2)}×`;
  return samples === 1 ? text : `${text} (${least.toFixed(2)}–${most.toFixed(2)})`;
}

function aimText({of, atMost, atLeast}: Aim, {unit}: Row): string {
  const sign = atMost === undefined ? '≥' : '≤';
  const bound = atMost ?? atLeast ?? Number.NaN;
  switch (of) {
    case 'ratio':
      return `${sign} ${bound}×`;
    case 'difference':
      return `${sign} ${quantity(bound, unit)} more`;
    case 'median':
      return `${sign} ${quantity(bound, unit)}`;
  }
}

function quantity(value: number, unit: Row['unit']): string {
  switch (unit) {
    case 'count':
      return short(value);
    case 'per second':
      return `${short(value)}/s`;
    default:
      return `${short(value)} ${unit}`;
  }
}

/** Three digits that mean something. */
function short(value: number): string {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', {minimumFractionDigits: digits, maximumFractionDigits: digits});
}
