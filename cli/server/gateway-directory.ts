import type {GatewayDirectory} from '../../api/gateway/gateway-directory.ts';
import type {Caches} from '../../controller/caches.ts';
import {usurpation} from '../../controller/workspace/usurper.ts';

/** The gateway's view of the store: the server's caches, which watches keep up to date. A workspace that claims the uid of another is not in it. */
export function createGatewayDirectory({
  users,
  workspaces,
}: {
  readonly users: Pick<Caches['users'], 'hasSynced' | 'byIndex' | 'onChange'>;
  readonly workspaces: Pick<Caches['workspaces'], 'hasSynced' | 'byIndex' | 'get' | 'onChange'>;
}): GatewayDirectory {
  return {
    ready: () => users.hasSynced() && workspaces.hasSynced(),
    usersWith: key =>
      users.byIndex('sshKey', key).filter(({metadata}) => metadata.deletionTimestamp === undefined),
    // No name has the form of a uid, unless it was made to mislead: what bears the uid comes first.
    workspace(id) {
      const ofUid = workspaces.byIndex('uid', id);
      const named = workspaces.get(id);
      return (ofUid.length > 0 || named === undefined ? ofUid : [named]).find(
        workspace => usurpation(workspace, workspaces.byIndex('uid', workspace.metadata.uid)) === undefined,
      );
    },
    onUserChange: listener => users.onChange(() => listener()),
    onWorkspaceChange: listener => workspaces.onChange(({object}) => listener(object.metadata.uid)),
  };
}
