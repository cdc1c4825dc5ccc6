import {writeKnownHosts} from './known-hosts.ts';
import type {SshTarget} from './ssh-target.ts';
import type {GatewayTarget, Way} from './way.ts';

export type SshCommandOptions = {
  readonly way: Way;
  /** `$NEXUS_HOME`, which exists: host keys are pinned there. */
  readonly home: string;
  /** Private key to use, and no other. */
  readonly identity?: string | undefined;
  /** Options and command for ssh itself, as given. */
  readonly rest?: readonly string[];
};

/** Under which the gateway's host key is pinned. */
export const gatewayAlias = 'nexus-gateway';

/** What follows `ssh`. The pinned key is the only one that is accepted, and the user's own known_hosts is neither read nor written. */
export async function sshArguments(target: SshTarget, options: SshCommandOptions): Promise<string[]> {
  const {way, home, identity, rest = []} = options;
  const {host, port} = way.kind === 'node' ? way : {host: target.name, port: 22};
  const knownHosts = await writeKnownHosts(home, target.uid, target);
  const proxy = await proxyCommand(target, options);
  return [
    ...connection({port, identity, alias: target.alias, knownHosts}),
    ...(proxy === undefined ? [] : option('ProxyCommand', proxy)),
    `${target.username}@${host}`,
    ...rest,
  ];
}

/** What ssh runs instead of connecting by itself; undefined when it connects. */
export async function proxyCommand(
  {name}: SshTarget,
  {way, home, identity}: SshCommandOptions,
): Promise<string | undefined> {
  switch (way.kind) {
    case 'node':
      return undefined;
    case 'stdio':
      return commandLine([...way.command, name]);
    case 'gateway': {
      const knownHosts = await pinGateway(home, way);
      return commandLine([
        'ssh',
        ...connection({port: way.port, identity, alias: gatewayAlias, knownHosts}),
        '-W',
        `${name}:22`,
        `${way.username}@${way.host}`,
      ]);
    }
  }
}

/** Answers with the file that holds the gateway's key, and no other. */
export async function pinGateway(home: string, {hostKey}: GatewayTarget): Promise<string> {
  return await writeKnownHosts(home, 'gateway', {alias: gatewayAlias, hostKey});
}

/** As one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** For ssh's options that name a command: run by the user's shell, after ssh has put its own things in for %. */
export function commandLine(words: readonly string[]): string {
  return words.map(shellWord).join(' ').replaceAll('%', '%%');
}

/** ssh splits the value of options that name files at blanks, unless it is in quotes. */
export function quoteFile(file: string): string {
  return /\s/.test(file) ? `"${file}"` : file;
}

type Connection = {
  readonly port: number;
  readonly identity: string | undefined;
  readonly alias: string;
  readonly knownHosts: string;
};

function connection({port, identity, alias, knownHosts}: Connection): string[] {
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
  ];
}

function option(name: string, value: string): string[] {
  return ['-o', `${name}=${value}`];
}
