import {mkdir, rename, writeFile} from 'node:fs/promises';
import path from 'node:path';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {CliError} from '../exit-code.ts';

export type SshTarget = {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  /** Public host key, in OpenSSH form. */
  readonly hostKey: string;
  /** Under which the host key is pinned: stays the same when ports and addresses change. */
  readonly alias: string;
};

export type SshCommandOptions = {
  readonly knownHosts: string;
  /** Private key to use, and no other. */
  readonly identity?: string | undefined;
  /** Reaches the workspace when its port can't be. */
  readonly proxyCommand?: string | undefined;
  /** Options and command for ssh itself, as given. */
  readonly rest?: readonly string[];
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
  return {host, port, username, hostKey, alias: `nexus-${metadata.uid}`};
}

/** What follows `ssh`. The pinned key is the only one that is accepted, and the user's own known_hosts is neither read nor written. */
export function sshArguments(
  {host, port, username, alias}: SshTarget,
  {knownHosts, identity, proxyCommand, rest = []}: SshCommandOptions,
): string[] {
  const option = (name: string, value: string) => ['-o', `${name}=${value}`];
  return [
    '-p',
    String(port),
    ...(identity === undefined ? [] : ['-i', identity, ...option('IdentitiesOnly', 'yes')]),
    ...option('HostKeyAlias', alias),
    ...option('UserKnownHostsFile', quoteFile(knownHosts)),
    ...option('GlobalKnownHostsFile', '/dev/null'),
    ...option('StrictHostKeyChecking', 'yes'),
    ...option('UpdateHostKeys', 'no'),
    ...option('CheckHostIP', 'no'),
    ...option('ServerAliveInterval', '15'),
    ...option('ServerAliveCountMax', '4'),
    ...(proxyCommand === undefined ? [] : option('ProxyCommand', proxyCommand)),
    `${username}@${host}`,
    ...rest,
  ];
}

/** Pins the host key in a file of its own. Answers with its path. */
export async function writeKnownHosts(
  home: string,
  uid: string,
  {alias, hostKey}: SshTarget,
): Promise<string> {
  const folder = path.join(home, 'known_hosts.d');
  await mkdir(folder, {recursive: true, mode: 0o700});
  const file = path.join(folder, uid);
  const part = `${file}.${process.pid}.part`;
  await writeFile(part, `${alias} ${hostKey}\n`, {mode: 0o600});
  await rename(part, file);
  return file;
}

/** As one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** ssh splits the value of this option at blanks, unless it is in quotes. */
function quoteFile(file: string): string {
  return /\s/.test(file) ? `"${file}"` : file;
}
