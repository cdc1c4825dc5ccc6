import {StorageError} from '../storage/storage-error.ts';
import type {CallerStorage} from './authorized-storage.ts';

/** How many are named. */
const shown = 10;

/** Throws StorageError `Conflict` that names the workspaces which are on a node. */
export async function checkNodeEmpty(storage: CallerStorage, node: string): Promise<void> {
  const {items} = await storage.list('Workspace', {fields: {'status.node': node}});
  if (items.length === 0) {
    return;
  }

  const names = items.slice(0, shown).map(({metadata}) => metadata.name);
  const more = items.length > shown ? ` and ${items.length - shown} more` : '';
  const are = items.length === 1 ? '1 workspace is' : `${items.length} workspaces are`;
  throw new StorageError(
    'Conflict',
    `${are} on node "${node}": ${names.join(', ')}${more}. Delete them or drain the node first, or use force to leave them there`,
  );
}
