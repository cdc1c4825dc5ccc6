import type {Stored} from '../v1alpha1/kinds.ts';
import type {UserView} from './account-messages.ts';
import type {CallerStorage} from './authorized-storage.ts';

export async function userView(storage: CallerStorage, {metadata, spec}: Stored<'User'>): Promise<UserView> {
  const {items} = await storage.list('Workspace', {fields: {'spec.owner': metadata.name}});
  return {
    user_id: metadata.uid,
    name: metadata.name,
    role: spec.role,
    github_username: spec.githubUsername ?? null,
    github_id: spec.githubId ?? null,
    ssh_keys: spec.sshKeys.map(({publicKey, fingerprint}) => ({public_key: publicKey, fingerprint})),
    registered_at: metadata.creationTimestamp,
    workspaces: items.map(workspace => workspace.metadata.name),
  };
}
