import type {Storage} from '../storage/storage.ts';
import {StorageError} from '../storage/storage-error.ts';
import type {Stored} from '../v1alpha1/kinds.ts';

/** Throws `Conflict` for a User that something still needs: workspaces it owns, or the last admin. */
export async function checkDeletion(storage: Storage, object: Stored): Promise<void> {
  if (object.kind !== 'User') {
    return;
  }

  const {name} = object.metadata;
  const {items} = await storage.list('Workspace', {fields: {'spec.owner': name}});
  if (items.length > 0) {
    const names = items.slice(0, 5).map(({metadata}) => metadata.name);
    throw new StorageError(
      'Conflict',
      `User "${name}" owns workspaces: ${names.join(', ')}${items.length > names.length ? ' …' : ''}; delete them first`,
    );
  }

  if (object.spec.role === 'admin') {
    const users = await storage.list('User', {fields: {'spec.role': 'admin'}});
    if (users.items.length <= 1) {
      throw new StorageError('Conflict', `User "${name}" is the last admin; make another one first`);
    }
  }
}

/** What belongs to a User and to nobody else goes with it. */
export async function deleteBelongings(storage: Storage, user: string): Promise<void> {
  for (const kind of ['Token', 'Credential'] as const) {
    const {items} = await storage.list(kind, {fields: {'spec.user': user}});
    for (const {metadata} of items) {
      await storage.delete(kind, metadata.name);
    }
  }
}
