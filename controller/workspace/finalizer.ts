import type {Storage} from '../../api/storage/storage.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {instanceFinalizer} from '../../api/v1alpha1/workspace.ts';
import type {Happening} from './happenings.ts';
import type {Release} from './situation.ts';

/** The workspace held by our finalizer, so that it can't vanish from the store before its instance; or undefined when it is held already. */
export function held(workspace: Stored<'Workspace'>): Stored<'Workspace'> | undefined {
  const {finalizers = [], deletionTimestamp} = workspace.metadata;
  return deletionTimestamp !== undefined || finalizers.includes(instanceFinalizer)
    ? undefined
    : {...workspace, metadata: {...workspace.metadata, finalizers: [...finalizers, instanceFinalizer]}};
}

/** Lets the workspace go. Its ports are released in the same write, if nothing else holds it. Resolves to what was stored. */
export async function letGo(
  workspace: Stored<'Workspace'>,
  storage: Pick<Storage, 'update'>,
): Promise<Stored<'Workspace'>> {
  const finalizers = (workspace.metadata.finalizers ?? []).filter(name => name !== instanceFinalizer);
  return storage.update('Workspace', {...workspace, metadata: {...workspace.metadata, finalizers}});
}

/** What is to be told of how it ended. */
export function releaseHappening({metadata, status}: Stored<'Workspace'>, release: Release): Happening {
  switch (release.outcome) {
    case 'Gone':
      return {type: 'Normal', reason: 'Deleted', message: 'The workspace and its instance are gone.'};
    case 'Kept':
      return {
        type: 'Warning',
        reason: 'WorkKept',
        message: `It held work that was not committed and pushed: its instance is stopped and kept until ${release.until}. Take it back with: nexus workspace undelete ${metadata.name}`,
      };
    case 'Abandoned': {
      const name = status?.instance?.name ?? `nexus-${metadata.uid}`;
      return {
        type: 'Warning',
        reason: 'InstanceAbandoned',
        message: `Node ${release.node} ${release.why}, and deletion was forced: instance ${name} may be left there. It is collected if the node comes back.`,
      };
    }
  }
}
