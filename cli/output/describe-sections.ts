import {age} from '../../api/v1alpha1/age.ts';
import type {Condition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Style} from './style.ts';
import type {Cell} from './table.ts';
import {printable, renderTable} from './table.ts';

export type DescribeOptions = {
  readonly now: number;
  readonly style: Style;
  readonly events: readonly Stored<'Event'>[];
  /** Of a node: those that are on it, as far as they may be seen. */
  readonly workspaces?: readonly Stored<'Workspace'>[];
};

/** `Name:   value`, values in one column; those that are undefined are left out, lines of a value stay in its column. */
export function fields(values: Readonly<Record<string, string | undefined>>): string[] {
  const given = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const width = Math.max(0, ...given.map(([name]) => name.length)) + 2;
  return given.flatMap(([name, value]) =>
    value
      .split('\n')
      .map((line, index) => `${(index === 0 ? `${name}:` : '').padEnd(width)}${printable(line)}`.trimEnd()),
  );
}

/** A title and a table below it, indented; nothing at all without rows. */
export function section(
  title: string,
  table: {readonly headers: readonly string[]; readonly rows: readonly (readonly Cell[])[]},
  style: Style,
): string[] {
  if (table.rows.length === 0) {
    return [];
  }

  const [header = '', ...lines] = renderTable(table.headers, table.rows, style);
  return ['', style('strong', `${title}:`), ...[style('dim', header), ...lines].map(line => `  ${line}`)];
}

export function conditionSection(
  conditions: readonly Condition[] | undefined,
  {now, style}: DescribeOptions,
): string[] {
  const rows = (conditions ?? []).map(({type, status, reason, message, lastTransitionTime}): Cell[] => [
    {text: type},
    {text: status, tone: status === 'True' ? 'good' : status === 'False' ? 'bad' : 'warning'},
    {text: age(lastTransitionTime, now)},
    {text: reason},
    {text: printable(message)},
  ]);
  return section('Conditions', {headers: ['TYPE', 'STATUS', 'SINCE', 'REASON', 'MESSAGE'], rows}, style);
}

export function eventSection({now, style, events}: DescribeOptions): string[] {
  const rows = events.map(({spec}): Cell[] => [
    {text: age(spec.lastTimestamp, now)},
    {text: spec.type, tone: spec.type === 'Warning' ? 'warning' : undefined},
    {text: spec.reason},
    {text: spec.actor},
    {text: `${printable(spec.message)}${spec.count > 1 ? ` (${spec.count} times)` : ''}`},
  ]);
  return rows.length === 0
    ? ['', `${style('strong', 'Events:')}  none`]
    : section('Events, oldest first', {headers: ['AGE', 'TYPE', 'REASON', 'BY', 'MESSAGE'], rows}, style);
}

export function labelText(labels: Readonly<Record<string, string>> | undefined): string | undefined {
  const entries = Object.entries(labels ?? {});
  return entries.length === 0 ? undefined : entries.map(([key, value]) => `${key}=${value}`).join('\n');
}
