import type {Storage} from '../../api/storage/storage.ts';
import {isStorageError, StorageError} from '../../api/storage/storage-error.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {WorkspaceStatus} from '../../api/v1alpha1/workspace.ts';
import type {WorkspaceCache} from './watches.ts';

/** Writes that the cache learns of at once: no plan is made on what is older than our own last write. */
export type Writer = {
  writeStatus(workspace: Stored<'Workspace'>, status: WorkspaceStatus): Promise<Stored<'Workspace'>>;
  /** What `write` returns is taken into the cache; after a `Conflict`, which is thrown, what is in the store now. */
  write(
    workspace: Stored<'Workspace'>,
    write: () => Promise<Stored<'Workspace'>>,
  ): Promise<Stored<'Workspace'>>;
  /** Throws `Conflict` when the store has another version of it; that is then in the cache. */
  confirm(workspace: Stored<'Workspace'>): Promise<void>;
};

export type WriterOptions = {
  readonly storage: Pick<Storage, 'get' | 'updateStatus'>;
  readonly workspaces: Pick<WorkspaceCache, 'observe'>;
  /** What was written is put in here before the cache learns of it, so that its watches can tell it from what others write. */
  readonly ownWrites: WeakSet<Stored<'Workspace'>>;
};

export function createWriter({storage, workspaces, ownWrites}: WriterOptions): Writer {
  const refresh = async (name: string) => {
    try {
      workspaces.observe(await storage.get('Workspace', name));
    } catch (error) {
      if (!isStorageError(error, 'NotFound')) {
        throw error;
      }
    }
  };

  const write: Writer['write'] = async (workspace, attempt) => {
    try {
      const written = await attempt();
      ownWrites.add(written);
      workspaces.observe(written);
      return written;
    } catch (error) {
      if (isStorageError(error, 'Conflict')) {
        await refresh(workspace.metadata.name);
      }

      throw error;
    }
  };

  return {
    write,
    async confirm({metadata}) {
      const stored = await storage.get('Workspace', metadata.name);
      if (stored.metadata.resourceVersion !== metadata.resourceVersion) {
        workspaces.observe(stored);
        throw new StorageError('Conflict', `workspace ${metadata.name} has changed since it was looked at`);
      }
    },
    writeStatus: (workspace, status) =>
      write(workspace, () => storage.updateStatus('Workspace', {...workspace, status})),
  };
}
