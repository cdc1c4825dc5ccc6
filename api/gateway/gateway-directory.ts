import type {Stored} from '../v1alpha1/kinds.ts';

/** Whom the gateway knows, and where it leads: a view of the store that is pushed, never asked for. */
export type GatewayDirectory = {
  /** False until all that is stored is in view: nobody is let in before. */
  ready(): boolean;
  /** The users who have registered a key, given as base64 without type and comment. Not those that are being deleted. */
  usersWith(key: string): readonly Stored<'User'>[];
  /** By name, or by uid. */
  workspace(id: string): Stored<'Workspace'> | undefined;
  /** A user came, went or changed. */
  onUserChange(listener: () => void): Disposable;
  /** A workspace, by uid, went or changed. */
  onWorkspaceChange(listener: (uid: string) => void): Disposable;
};

/** Whether one of them may enter a workspace: its owner and admins, as in the API. */
export function mayEnter(users: readonly Stored<'User'>[], {spec}: Stored<'Workspace'>): boolean {
  return users.some(({metadata, spec: {role}}) => role === 'admin' || metadata.name === spec.owner);
}

/** As whom they enter it: its owner, else the first. */
export function enteringAs(
  users: readonly Stored<'User'>[],
  {spec}: Stored<'Workspace'>,
): string | undefined {
  const names = users.map(({metadata}) => metadata.name);
  return names.includes(spec.owner) ? spec.owner : names[0];
}
