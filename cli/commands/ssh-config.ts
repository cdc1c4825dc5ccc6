import {readFile, rename, writeFile} from 'node:fs/promises';
import {homedir} from 'node:os';
import type {Client} from '../../api/client/client.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {ensureHome} from '../home.ts';
import {unifiedDiff} from '../output/unified-diff.ts';
import {workspaceName} from '../resource-name.ts';
import {serverAddress} from '../server-address.ts';
import {findIdentity} from '../ssh/identity.ts';
import {planInclude, writeInclude} from '../ssh/include-config.ts';
import {sshConfig, sshConfigFile, sshHostName} from '../ssh/ssh-config.ts';
import type {SshTarget} from '../ssh/ssh-target.ts';
import {sshTarget} from '../ssh/ssh-target.ts';
import type {WayName} from '../ssh/way.ts';
import {findGateway, findWay, parseWay} from '../ssh/way.ts';

export type SshConfigCommandOptions = {
  readonly via?: string;
  readonly write?: boolean;
  readonly dryRun?: boolean;
};

/** Blocks for ssh's own configuration, of the workspaces that are named or of all that there are: printed, or put where ssh finds them. */
export async function writeSshConfig(
  cli: Cli,
  words: readonly string[],
  options: SshConfigCommandOptions,
): Promise<void> {
  const asked = parseWay(options.via);
  await using client = await connect(cli);
  const targets = await targetsOf(cli, client, words);
  await ensureHome(cli.home);
  const via = asked === 'auto' ? await lastingWay(cli, client) : asked;
  const parts = await Promise.all(
    targets.map(async target => ({target, way: await findWay(cli, client, {target, via})})),
  );
  const config = await sshConfig(parts, {home: cli.home, identity: await findIdentity(cli)});
  if (options.write === true) {
    await put(cli, config, targets, options.dryRun === true);
  } else {
    cli.print(config.trimEnd());
  }
}

/** Ports of nodes come and go; what is written down must hold for longer. */
async function lastingWay(cli: Cli, client: Client): Promise<WayName> {
  const {url} = await serverAddress(cli);
  return (await findGateway(client, url)) === undefined ? 'stdio' : 'gateway';
}

async function targetsOf(cli: Cli, client: Client, words: readonly string[]): Promise<SshTarget[]> {
  if (words.length > 0) {
    const named = words.map(word => client.get('Workspace', workspaceName(word), {signal: cli.signal}));
    return (await Promise.all(named)).map(sshTarget);
  }

  const {items} = await client.list('Workspace', {signal: cli.signal});
  return items.filter(hasHostKey).map(sshTarget);
}

function hasHostKey({status}: Stored<'Workspace'>): boolean {
  return status?.ssh?.hostKey !== undefined;
}

async function put(
  cli: Cli,
  config: string,
  targets: readonly SshTarget[],
  isDryRun: boolean,
): Promise<void> {
  const file = sshConfigFile(cli.home);
  const {HOME} = cli.env;
  const inclusion = await planInclude(HOME === undefined || HOME === '' ? homedir() : HOME, file);
  if (isDryRun) {
    const present = await readFile(file, 'utf8').catch(() => '');
    for (const [name, before, after] of [
      [file, present, config],
      [inclusion.file, inclusion.before, inclusion.after],
    ] as const) {
      const lines = unifiedDiff(linesOf(before), linesOf(after));
      for (const line of lines.length === 0 ? [] : [`--- ${name}`, `+++ ${name}`, ...lines]) {
        cli.print(line);
      }
    }

    return;
  }

  const part = `${file}.${process.pid}.part`;
  await writeFile(part, config, {mode: 0o600});
  await rename(part, file);
  cli.print(`Wrote ${file}: ${targets.map(sshHostName).join(', ') || 'no workspace can be reached yet'}`);
  if (inclusion.before !== inclusion.after) {
    const backup = await writeInclude(inclusion);
    const kept = backup === undefined ? '' : `; as it was: ${backup}`;
    cli.print(`${inclusion.file} includes it now${kept}`);
  }
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}
