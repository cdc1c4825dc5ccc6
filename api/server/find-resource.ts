import {isStorageError} from '../storage/storage-error.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';
import type {CallerStorage} from './authorized-storage.ts';

/** By name, or by uid. Throws StorageError NotFound, also for what the caller may not see. */
export async function findResource<K extends ServedKind>(
  storage: CallerStorage,
  kind: K,
  id: string,
): Promise<Stored<K>> {
  try {
    return await storage.get(kind, id);
  } catch (error) {
    if (!isStorageError(error, 'NotFound')) {
      throw error;
    }

    const [object] = (await storage.list(kind, {fields: {'metadata.uid': id}})).items;
    if (object === undefined) {
      throw error;
    }

    return object;
  }
}
