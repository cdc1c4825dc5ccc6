import {Box, Text} from 'ink';
import type {ReactElement} from 'react';
import {selectedId} from '../reduce.ts';
import type {Row} from '../rows/row.ts';
import {columnWidths, padOrCut} from '../rows/row.ts';
import type {DashboardKind} from '../source.ts';
import type {State, View} from '../state.ts';
import {columnsOf, rowsOf} from '../table.ts';
import {toneStyle} from './tones.ts';

type Props = {
  readonly state: State;
  readonly view: View;
  readonly now: number;
  readonly size: {readonly columns: number; readonly rows: number};
};

const kindOf: Record<View, DashboardKind> = {
  workspaces: 'Workspace',
  services: 'Workspace',
  nodes: 'Node',
  events: 'Event',
};

/** Draws only the rows that can be seen, with the selected one among them. */
export function TableScreen({state, view, now, size}: Props): ReactElement {
  const columns = columnsOf[view];
  const rows = rowsOf(state, view, now);
  const widths = columnWidths(columns, size.columns - 2);
  const selected = selectedId(state, now);
  const visible = Math.max(1, size.rows - 1);
  const index = Math.max(
    0,
    rows.findIndex(({id}) => id === selected),
  );
  const first = Math.max(0, Math.min(index - Math.floor(visible / 2), rows.length - visible));
  const header = columns.map(({title}, column) => {
    const arrow = column === state.sort.column ? (state.sort.descending ? '↓' : '↑') : '';
    return padOrCut(`${title}${arrow}`, widths[column] ?? 0);
  });
  return (
    <Box flexDirection="column">
      <Text bold wrap="truncate">{`  ${header.join(' ')}`}</Text>
      {rows.length === 0 && <Text dimColor>{emptyMessage(state, view)}</Text>}
      {rows.slice(first, first + visible).map(row => (
        <TableRow
          key={row.id}
          row={row}
          widths={widths}
          isSelected={row.id === selected}
          isMarked={state.marked.has(row.id)}
        />
      ))}
    </Box>
  );
}

function TableRow({
  row,
  widths,
  isSelected,
  isMarked,
}: {
  row: Row;
  widths: number[];
  isSelected: boolean;
  isMarked: boolean;
}): ReactElement {
  return (
    <Text inverse={isSelected} wrap="truncate">
      {isMarked ? '*' : ' '}
      {isSelected ? '>' : ' '}
      {row.cells.map((cell, column) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its column
        <Text key={column} {...toneStyle[cell.tone ?? 'plain']}>
          {`${padOrCut(cell.text, widths[column] ?? 0)}${column < row.cells.length - 1 ? ' ' : ''}`}
        </Text>
      ))}
    </Text>
  );
}

function emptyMessage(state: State, view: View): string {
  if (!state.synced.has(kindOf[view])) {
    return '  loading …';
  }

  if (state.filter !== '') {
    return `  nothing matches "${state.filter}"; Escape clears the filter`;
  }

  return view === 'workspaces'
    ? '  no workspaces; make one with: nexus apply -f .nexus/config.yaml'
    : `  no ${view}`;
}
