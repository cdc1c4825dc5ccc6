import {pipeline} from 'node:stream/promises';
import type {Client} from '../../api/client/client.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {sshFingerprint} from '../../api/v1alpha1/ssh-fingerprint.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {ensureHome} from '../home.ts';
import {explainRefusal, notRunning} from '../not-running.ts';
import {workspaceName} from '../resource-name.ts';
import {ensureOwnKey, findIdentity, ownKeyFile, readPublicKey} from '../ssh/identity.ts';
import {keepConnected} from '../ssh/keep-connected.ts';
import {shellWord, sshArguments} from '../ssh/ssh-command.ts';
import {sshTarget} from '../ssh/ssh-target.ts';
import type {WayName} from '../ssh/way.ts';
import {findWay, parseWay} from '../ssh/way.ts';

export type SshOptions = {
  /** A {@link WayName}; `auto` by default. */
  readonly via?: string;
  /** Whether to connect again when the connection is lost; by default for a login on a terminal. */
  readonly reconnect?: boolean;
};

type Login = {readonly word: string; readonly rest: readonly string[]};

/** A login, or one command, in a workspace by the system's ssh. Answers with its exit code. */
export async function ssh(cli: Cli, {word, rest}: Login, options: SshOptions): Promise<number> {
  const via = parseWay(options.via);
  await using client = await connect(cli);
  const name = workspaceName(word);
  const prepare = async () => {
    const workspace = await client.get('Workspace', name, {signal: cli.signal});
    const reason = notRunning(workspace);
    if (workspace.status?.phase === 'Stopped' && reason !== undefined) {
      throw reason;
    }

    const args = await argumentsFor(cli, client, {workspace, via, rest});
    if (reason !== undefined) {
      // Its sshd may answer all the same: while it is set up, or when only its node's agent is not heard.
      cli.note(`${reason.message}. ${reason.hint ?? ''}`);
    }

    return args;
  };

  const isLogin = rest.every(argument => argument.startsWith('-'));
  const isOnTerminal = cli.stdin.isTTY === true && cli.stdout.isTTY === true;
  const {reconnect = isLogin && isOnTerminal} = options;
  return await keepConnected(cli, {name, prepare, reconnect});
}

/** The same as a line to paste into any shell of this machine. */
export async function printSshCommand(cli: Cli, word: string, options: SshOptions): Promise<void> {
  const via = parseWay(options.via);
  await using client = await connect(cli);
  const workspace = await client.get('Workspace', workspaceName(word), {signal: cli.signal});
  const args = await argumentsFor(cli, client, {workspace, via, rest: []});
  cli.print(['ssh', ...args].map(shellWord).join(' '));
}

type Wanted = {
  readonly workspace: Stored<'Workspace'>;
  readonly via: WayName;
  readonly rest: readonly string[];
};

async function argumentsFor(cli: Cli, client: Client, {workspace, via, rest}: Wanted): Promise<string[]> {
  const target = sshTarget(workspace);
  await ensureHome(cli.home);
  return await sshArguments(target, {
    way: await findWay(cli, client, {target, via}),
    home: cli.home,
    identity: await findIdentity(cli),
    rest,
  });
}

/** Carries an ssh connection through the server, for ProxyCommand: what ssh shows when it fails is what is written to standard error. */
export async function sshStdio(cli: Cli, word: string): Promise<void> {
  const workspace = workspaceName(word);
  await using client = await connect(cli);
  let tunnel: Awaited<ReturnType<typeof client.workspaces.tunnel>>;
  try {
    tunnel = await client.workspaces.tunnel(workspace, 22, {signal: cli.signal});
  } catch (error) {
    return await explainRefusal(client, {workspace, error, signal: cli.signal});
  }

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
