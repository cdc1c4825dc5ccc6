import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {CliError} from '../exit-code.ts';

export type SshTarget = {
  readonly name: string;
  readonly uid: string;
  readonly username: string;
  /** Public host key, in OpenSSH form. */
  readonly hostKey: string;
  /** Under which the host key is pinned: stays the same whichever way it is reached, and when ports and addresses change. */
  readonly alias: string;
  /** The port of its node that leads to it, if it has one. */
  readonly node?: {readonly host: string; readonly port: number};
};

/** Where a workspace's sshd is, by its status. Throws CliError that says what it waits for. */
export function sshTarget({metadata, status}: Stored<'Workspace'>): SshTarget {
  const {ssh} = status ?? {};
  if (ssh?.hostKey === undefined) {
    throw new CliError('failed', `workspace ${metadata.name} can't be reached by ssh yet`, {
      details: (status?.conditions ?? [])
        .filter(condition => condition.status !== 'True')
        .map(({type, message}) => `${type}: ${message}`),
      hint: `Wait for it: nexus wait workspace/${metadata.name} --for=condition=SshReady`,
    });
  }

  const {host, port, username, hostKey} = ssh;
  return {
    name: metadata.name,
    uid: metadata.uid,
    username,
    hostKey,
    alias: `nexus-${metadata.uid}`,
    ...(host === undefined || port === undefined ? {} : {node: {host, port}}),
  };
}
