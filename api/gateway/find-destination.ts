import {findCondition} from '../v1alpha1/condition.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import type {GatewayDirectory} from './gateway-directory.ts';
import {enteringAs, mayEnter} from './gateway-directory.ts';

/** The one port of a workspace that the gateway leads to. */
export const destinationPort = 22;

export type Destination =
  | {readonly kind: 'Found'; readonly workspace: Stored<'Workspace'>; readonly user: string}
  | {readonly kind: 'Refused'; readonly reason: RefusalReason; readonly message: string};

/** For metrics and logs. */
export type RefusalReason = 'NotPermitted' | 'NotFound' | 'NotRunning' | 'Unreachable' | 'TooMany';

/** What of a request for a destination counts. `host` as the client gave it. */
export type Request = {
  readonly host: string;
  readonly port: number;
  readonly users: readonly Stored<'User'>[];
};

/**
 * Where a request leads: to the sshd of a workspace that the caller may enter, and nowhere else. One that is not there and one of somebody else get
 * the same answer.
 */
export function findDestination(
  directory: Pick<GatewayDirectory, 'workspace'>,
  {host, port, users}: Request,
): Destination {
  if (port !== destinationPort) {
    return refused(
      'NotPermitted',
      `the gateway leads to port ${destinationPort} of workspaces only, not to port ${port}; other ports: nexus port-forward <workspace> ${port}`,
    );
  }

  const workspace = directory.workspace(host.toLowerCase());
  const user = workspace === undefined ? undefined : enteringAs(users, workspace);
  if (workspace === undefined || user === undefined || !mayEnter(users, workspace)) {
    return refused(
      'NotFound',
      `there is no workspace "${host.slice(0, 63)}" of yours; nexus get workspaces lists them`,
    );
  }

  const reason = closedBecause(workspace);
  return reason === undefined ? {kind: 'Found', workspace, user} : refused('NotRunning', reason);
}

/** Why nothing can answer there; undefined when it is worth trying: what is starting is waited for. */
function closedBecause({metadata, spec, status}: Stored<'Workspace'>): string | undefined {
  const {name} = metadata;
  if (metadata.deletionTimestamp !== undefined) {
    return `workspace ${name} is being deleted`;
  }

  if (!spec.running) {
    return `workspace ${name} is stopped; start it with: nexus workspace start ${name}`;
  }

  if (status?.node === undefined) {
    const why = findCondition(status?.conditions, 'Scheduled')?.message ?? 'It is being placed.';
    return `workspace ${name} is on no node yet: ${why}`;
  }

  return undefined;
}

function refused(reason: RefusalReason, message: string): Destination {
  return {kind: 'Refused', reason, message};
}
