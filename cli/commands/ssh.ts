import {pipeline} from 'node:stream/promises';
import {fileURLToPath} from 'node:url';
import type {Client} from '../../api/client/client.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {sshFingerprint} from '../../api/v1alpha1/ssh-fingerprint.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {ensureHome} from '../home.ts';
import {notRunning} from '../not-running.ts';
import {workspaceName} from '../resource-name.ts';
import {isLoopback, serverAddress} from '../server-address.ts';
import {runOnTerminal} from '../spawned.ts';
import {ensureOwnKey, findIdentity, ownKeyFile, readPublicKey} from '../ssh/identity.ts';
import {shellWord, sshArguments, sshTarget, writeKnownHosts} from '../ssh/ssh-command.ts';

/** A login, or one command, in a workspace by the system's ssh. Answers with its exit code. */
export async function ssh(cli: Cli, word: string, rest: readonly string[]): Promise<number> {
  await using client = await connect(cli);
  const workspace = await client.get('Workspace', workspaceName(word), {signal: cli.signal});
  const reason = notRunning(workspace);
  if (workspace.status?.phase === 'Stopped' && reason !== undefined) {
    throw reason;
  }

  const args = await prepare(cli, workspace, rest);
  if (reason !== undefined) {
    // Its sshd may answer all the same: while it is set up, or when only its node's agent is not heard.
    cli.note(`${reason.message}. ${reason.hint ?? ''}`);
  }

  return runOnTerminal('ssh', args, cli.env);
}

/** The same as a line to paste into any shell of this machine. */
export async function printSshCommand(cli: Cli, word: string): Promise<void> {
  await using client = await connect(cli);
  const workspace = await client.get('Workspace', workspaceName(word), {signal: cli.signal});
  cli.print(['ssh', ...(await prepare(cli, workspace, []))].map(shellWord).join(' '));
}

async function prepare(cli: Cli, workspace: Stored<'Workspace'>, rest: readonly string[]): Promise<string[]> {
  const target = sshTarget(workspace);
  await ensureHome(cli.home);
  return sshArguments(target, {
    knownHosts: await writeKnownHosts(cli.home, workspace.metadata.uid, target),
    identity: await findIdentity(cli),
    proxyCommand: await proxyCommand(cli, {host: target.host, name: workspace.metadata.name}),
    rest,
  });
}

/** A port on the server's own loopback is reached through the server, from any other machine. */
async function proxyCommand(
  cli: Cli,
  {host, name}: {readonly host: string; readonly name: string},
): Promise<string | undefined> {
  const {url, own} = await serverAddress(cli);
  const here = own || isLoopback(url);
  if (here || !isLoopback(`http://${host.includes(':') ? `[${host}]` : host}`)) {
    return undefined;
  }

  const entry = fileURLToPath(new URL('../nexus.js', import.meta.url));
  return [process.execPath, entry, 'ssh', 'proxy', name].map(shellWord).join(' ').replaceAll('%', '%%');
}

/** Carries an ssh connection through the server, for ProxyCommand. */
export async function sshProxy(cli: Cli, word: string): Promise<void> {
  await using client = await connect(cli);
  const tunnel = await client.workspaces.tunnel(workspaceName(word), 22, {signal: cli.signal});
  pipeline(cli.stdin, tunnel.input).catch(() => undefined);
  await pipeline(tunnel.output, cli.stdout, {end: false});
  await tunnel.finished;
  cli.stdin.destroy();
}

export type SshSetupOptions = {readonly key?: string; readonly yes?: boolean};

/** Sees to it that there is a key to enter workspaces with, and that the server knows it. */
export async function sshSetup(cli: Cli, options: SshSetupOptions): Promise<void> {
  const configured = options.key ?? (await findIdentity(cli));
  const file = configured ?? ownKeyFile(cli.home);
  if (configured === undefined) {
    await ensureOwnKey(cli, file);
    cli.print(`Made the key ${file}`);
  } else {
    cli.print(`Using the key ${file}`);
  }

  await using client = await connect(cli);
  await registerKey(cli, client, await readPublicKey(file));
}

async function registerKey(cli: Cli, client: Client, publicKey: string): Promise<void> {
  const fingerprint = sshFingerprint(publicKey);
  const me = await client.users.get('me', {signal: cli.signal});
  if (me.ssh_keys.some(key => key.fingerprint === fingerprint)) {
    cli.print(`${fingerprint} is a key of ${me.name} already`);
    return;
  }

  await client.users.setSshKey('me', {ssh_pubkey: publicKey}, {signal: cli.signal});
  cli.print(`${fingerprint} is now a key of ${me.name}`);
}
