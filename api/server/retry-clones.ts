import {repositoryHost} from '../storage/credential-store.ts';
import {isStorageError} from '../storage/storage-error.ts';
import {retryAtAnnotation} from '../v1alpha1/annotations.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import type {CallerStorage} from './authorized-storage.ts';
import {changeWorkspace} from './workspace-actions.ts';

/** How a git server answers who may not read. Some say that there is nothing. */
const refusals: ReadonlySet<string> = new Set(['AuthenticationFailed', 'RepositoryNotFound']);

/** Asks for another attempt now for all workspaces of `owner` that `host` has refused a clone. `now` is an RFC 3339 time. */
export async function retryClones(
  storage: CallerStorage,
  {owner, host, now}: {readonly owner: string; readonly host: string; readonly now: string},
): Promise<void> {
  const wasRefused = ({metadata, spec, status}: Stored<'Workspace'>) =>
    metadata.deletionTimestamp === undefined &&
    refusals.has(status?.lastFailure?.code ?? '') &&
    spec.repo?.url !== undefined &&
    repositoryHost(spec.repo.url) === host.toLowerCase();

  const {items} = await storage.list('Workspace', {fields: {'spec.owner': owner}});
  for (const {metadata} of items.filter(wasRefused)) {
    try {
      await changeWorkspace(storage, metadata.name, workspace => {
        const annotations = {...workspace.metadata.annotations, [retryAtAnnotation]: now};
        return wasRefused(workspace)
          ? {...workspace, metadata: {...workspace.metadata, annotations}}
          : undefined;
      });
    } catch (error) {
      if (!isStorageError(error, 'NotFound')) {
        throw error;
      }
    }
  }
}
