import type {Storage} from '../../api/storage/storage.ts';
import {isStorageError} from '../../api/storage/storage-error.ts';
import {apiVersion} from '../../api/v1alpha1/metadata.ts';
import {node} from '../../api/v1alpha1/node.ts';

export const localNodeName = 'local';

/** Sees to it that the machine of the server is a Node. What an admin has made of it stays. */
export async function ensureLocalNode(storage: Pick<Storage, 'create'>): Promise<void> {
  try {
    await storage.create(
      'Node',
      node.parse({apiVersion, kind: 'Node', metadata: {name: localNodeName}, spec: {local: true}}),
    );
  } catch (error) {
    if (!isStorageError(error, 'AlreadyExists')) {
      throw error;
    }
  }
}
