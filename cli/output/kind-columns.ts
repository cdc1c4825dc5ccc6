import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {eventColumns} from './rows/event-rows.ts';
import {nodeColumns} from './rows/node-rows.ts';
import {userColumns} from './rows/user-rows.ts';
import {workspaceColumns} from './rows/workspace-rows.ts';
import type {Cell, Column} from './table.ts';
import {cellsOf} from './table.ts';

export type ShownResource = Stored<'Workspace'> | Stored<'Node'> | Stored<'User'> | Stored<'Event'>;

export type RowOptions = {readonly wide: boolean; readonly now: number};

export function headersOf(kind: ShownResource['kind'], wide: boolean): string[] {
  const columns: readonly {readonly header: string; readonly wide?: boolean}[] = {
    Workspace: workspaceColumns,
    Node: nodeColumns,
    User: userColumns,
    Event: eventColumns,
  }[kind];
  return columns.filter(column => wide || column.wide !== true).map(({header}) => header);
}

export function rowOf(resource: ShownResource, options: RowOptions): Cell[] {
  switch (resource.kind) {
    case 'Workspace': {
      return row(workspaceColumns, resource, options);
    }

    case 'Node': {
      return row(nodeColumns, resource, options);
    }

    case 'User': {
      return row(userColumns, resource, options);
    }

    case 'Event': {
      return row(eventColumns, resource, options);
    }
  }
}

function row<T>(columns: readonly Column<T>[], resource: T, {wide, now}: RowOptions): Cell[] {
  return cellsOf(
    columns.filter(column => wide || column.wide !== true),
    resource,
    now,
  );
}
