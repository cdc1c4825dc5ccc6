import path from 'node:path';
import {writeKnownHosts} from './known-hosts.ts';
import {gatewayAlias, pinGateway, proxyCommand, quoteFile} from './ssh-command.ts';
import type {SshTarget} from './ssh-target.ts';
import type {Way} from './way.ts';

export type SshConfigOptions = {
  /** `$NEXUS_HOME`, which exists: host keys are pinned there. */
  readonly home: string;
  readonly identity: string | undefined;
};

/** How a workspace is called in ssh's configuration: a name that no other host has. */
export function sshHostName({name}: Pick<SshTarget, 'name'>): string {
  return `${name}.nexus`;
}

/** One block for each workspace, and one for the gateway where one leads through it. Pins the keys of all of them. */
export async function sshConfig(
  targets: readonly {readonly target: SshTarget; readonly way: Way}[],
  options: SshConfigOptions,
): Promise<string> {
  const {home} = options;
  const blocks: string[] = [];
  const gateway = targets.map(({way}) => way).find(way => way.kind === 'gateway');
  if (gateway !== undefined) {
    const knownHosts = await pinGateway(home, gateway);
    const {host, port, username: user} = gateway;
    blocks.push(block(gatewayAlias, {host, port, user, alias: gatewayAlias, knownHosts, ...options}));
  }

  for (const {target, way} of targets) {
    const knownHosts = await writeKnownHosts(home, target.uid, target);
    const {host, port} = way.kind === 'node' ? way : {host: target.name, port: 22};
    const {username: user, alias} = target;
    const jump =
      way.kind === 'gateway'
        ? [`ProxyJump ${gatewayAlias}`]
        : way.kind === 'stdio'
          ? [`ProxyCommand ${await proxyCommand(target, {way, ...options})}`]
          : [];
    blocks.push(block(sshHostName(target), {host, port, user, alias, knownHosts, jump, ...options}));
  }

  return `${blocks.join('\n\n')}\n`;
}

type Block = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly alias: string;
  readonly knownHosts: string;
  readonly jump?: readonly string[];
  readonly identity: string | undefined;
};

function block(name: string, {host, port, user, alias, knownHosts, jump = [], identity}: Block): string {
  return [
    `Host ${name}`,
    ...[
      `HostName ${host}`,
      `Port ${port}`,
      `User ${user}`,
      ...jump,
      ...(identity === undefined ? [] : [`IdentityFile ${quoteFile(identity)}`, 'IdentitiesOnly yes']),
      `HostKeyAlias ${alias}`,
      `UserKnownHostsFile ${quoteFile(knownHosts)}`,
      'GlobalKnownHostsFile /dev/null',
      'StrictHostKeyChecking yes',
      'UpdateHostKeys no',
      'CheckHostIP no',
      'ServerAliveInterval 15',
      'ServerAliveCountMax 4',
    ].map(line => `  ${line}`),
  ].join('\n');
}

/** Where `nexus ssh config --write` keeps the blocks. */
export function sshConfigFile(home: string): string {
  return path.join(home, 'ssh_config');
}
