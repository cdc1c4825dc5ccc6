import {isDeepStrictEqual} from 'node:util';
import type {Database} from 'better-sqlite3';
import type {Stored} from '../../v1alpha1/kinds.ts';
import type {Document} from '../document.ts';
import {asStored} from '../document.ts';
import {StorageError} from '../storage-error.ts';

export type PortAllocations = {
  /**
   * Makes the rows of a workspace those of its status; in the transaction that stores it. Other kinds have none. Rows vanish with their workspace.
   * Throws Conflict when another workspace holds one of the ports, Invalid when it names a port twice.
   */
  follow(next: Document, previous?: Document): void;
};

export function createPortAllocations(database: Database): PortAllocations {
  const release = database.prepare<[string]>('DELETE FROM port_allocations WHERE workspace_uid = ?');
  const hold = database.prepare<[string, number, string, string]>(
    'INSERT INTO port_allocations (node, node_port, workspace_uid, name) VALUES (?, ?, ?, ?)',
  );
  const selectHolder = database
    .prepare<[string, number], string>(
      `SELECT resources.name FROM port_allocations JOIN resources ON resources.uid = workspace_uid
       WHERE port_allocations.node = ? AND node_port = ?`,
    )
    .pluck();

  return {
    follow(next, previous) {
      if (next.kind !== 'Workspace') {
        return;
      }

      const wanted = held(next);
      if (previous !== undefined && isDeepStrictEqual(wanted, held(previous))) {
        return;
      }

      const {metadata} = asStored<'Workspace'>(next);
      release.run(metadata.uid);
      const seen = new Set<number>();
      for (const {node, nodePort, name} of wanted) {
        if (seen.has(nodePort)) {
          throw new StorageError('Invalid', `Workspace ${metadata.name} names node port ${nodePort} twice`, {
            issues: [{path: 'status.ports', message: `names node port ${nodePort} twice`}],
          });
        }

        const holder = selectHolder.get(node, nodePort);
        if (holder !== undefined) {
          throw new StorageError(
            'Conflict',
            `Port ${nodePort} of node ${node} is held by workspace ${holder}: choose another`,
          );
        }

        seen.add(nodePort);
        hold.run(node, nodePort, metadata.uid, name);
      }
    },
  };
}

function held(document: Document): {node: string; nodePort: number; name: string}[] {
  const {status}: Pick<Stored<'Workspace'>, 'status'> = asStored<'Workspace'>(document);
  const node = status?.node;
  return node === undefined ? [] : (status?.ports ?? []).map(({nodePort, name}) => ({node, nodePort, name}));
}
