import type {GatewayDirectory} from '../../api/gateway/gateway-directory.ts';
import type {Caches} from '../../controller/caches.ts';

/** The gateway's view of the store: the server's caches, which watches keep up to date. */
export function createGatewayDirectory({
  users,
  workspaces,
}: Pick<Caches, 'users' | 'workspaces'>): GatewayDirectory {
  return {
    ready: () => users.hasSynced() && workspaces.hasSynced(),
    usersWith: key =>
      users.byIndex('sshKey', key).filter(({metadata}) => metadata.deletionTimestamp === undefined),
    // No name has the form of a uid, unless it was made to mislead: what bears the uid comes first.
    workspace: id => workspaces.byIndex('uid', id)[0] ?? workspaces.get(id),
    onUserChange: listener => users.onChange(() => listener()),
    onWorkspaceChange: listener => workspaces.onChange(({object}) => listener(object.metadata.uid)),
  };
}
