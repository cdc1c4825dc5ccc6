import {eventColumns, eventRow} from './rows/event-row.ts';
import {nodeColumns, nodeRow} from './rows/node-row.ts';
import type {Column, Row} from './rows/row.ts';
import {serviceColumns, serviceRows} from './rows/service-row.ts';
import {workspaceColumns, workspaceRow} from './rows/workspace-row.ts';
import type {State, View} from './state.ts';

export const columnsOf: Record<View, readonly Column[]> = {
  workspaces: workspaceColumns,
  services: serviceColumns,
  nodes: nodeColumns,
  events: eventColumns,
};

/** The rows of a view, filtered and sorted as the state says; ascending ages put the newest first. */
export function rowsOf(state: State, view: View, now: number): Row[] {
  const rows = allRows(state, view, now);
  const wanted = state.filter.toLowerCase();
  const shown =
    wanted === ''
      ? rows
      : rows.filter(({cells}) => cells.some(({text}) => text.toLowerCase().includes(wanted)));
  const {column, descending} = state.sort;
  const sign = descending ? -1 : 1;
  return shown.sort(
    (left, right) => sign * compareCells(left, right, column) || compareText(left.id, right.id),
  );
}

function allRows({resources}: State, view: View, now: number): Row[] {
  switch (view) {
    case 'workspaces':
      return [...resources.Workspace.values()].map(workspace => workspaceRow(workspace, now));
    case 'services':
      return [...resources.Workspace.values()].flatMap(workspace => serviceRows(workspace, now));
    case 'nodes':
      return [...resources.Node.values()].map(node => nodeRow(node, now));
    case 'events':
      return [...resources.Event.values()].map(event => eventRow(event, now));
  }
}

function compareCells(left: Row, right: Row, column: number): number {
  const one = left.cells[column];
  const other = right.cells[column];
  return one?.order !== undefined && other?.order !== undefined
    ? one.order - other.order
    : compareText(one?.text ?? '', other?.text ?? '');
}

/** By code unit: quick, and the same on every machine. */
function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
