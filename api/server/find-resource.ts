import type {Stored} from '../v1alpha1/kinds.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';
import type {CallerStorage} from './authorized-storage.ts';

const uidForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * By name, or by uid; what has the form of a uid is one first, lest an object that is given it as a name stand before its bearer. Throws
 * StorageError NotFound, also for what the caller may not see.
 */
export async function findResource<K extends ServedKind>(
  storage: CallerStorage,
  kind: K,
  id: string,
): Promise<Stored<K>> {
  if (uidForm.test(id)) {
    const [object] = (await storage.list(kind, {fields: {'metadata.uid': id}})).items;
    if (object !== undefined) {
      return object;
    }
  }

  return await storage.get(kind, id);
}
