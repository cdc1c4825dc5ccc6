import {appendFile, cp, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {agentHome} from '../../agent/system/agent-home.ts';
import type {Client} from '../../api/client/client.ts';
import {createClient} from '../../api/client/client.ts';
import type {BackendByHand} from './backend-by-hand.ts';
import {createBackendByHand} from './backend-by-hand.ts';
import {eventually} from './eventually.ts';
import type {Output} from './program.ts';
import {runProgram} from './program.ts';
import type {ServerProcess} from './server-process.ts';
import {startServer} from './server-process.ts';

const root = path.resolve(import.meta.dirname, '../..');

type CallOptions = {
  readonly stdin?: string | Buffer;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
};

/**
 * A whole Nexus of its own: home, project, pool and bridge on the backend, server and agent as real processes, a key, a command line. Disposing of
 * it ends and removes all of that, whatever state the test has left it in.
 */
export type Installation = AsyncDisposable & {
  readonly home: string;
  /** For the test's own files; gone with the installation. */
  readonly folder: string;
  /** What the command runs in. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly backend: BackendByHand;
  /** The real command, as an administrator of this installation. */
  cli(...args: readonly string[]): Promise<Output>;
  cliWith(options: CallOptions, ...args: readonly string[]): Promise<Output>;
  /** Throws unless it ends with 0; answers with its standard output. */
  must(...args: readonly string[]): Promise<string>;
  /** Git in a folder, without the user's configuration. Throws unless it ends with 0. */
  git(cwd: string, ...args: readonly string[]): Promise<string>;
  /** An administrator's view of the server that runs now. */
  client(): Client;
  server(): ServerProcess;
  /** `serverArguments` instead of those it was started with last. */
  startServer(serverArguments?: readonly string[]): Promise<ServerProcess>;
  /** A line of ssh's arguments to enter a workspace with, without the word ssh. */
  sshArguments(workspace: string): Promise<readonly string[]>;
  /** A copy of samples/hello as a git repository. */
  sample(name: string): Promise<string>;
  agentPid(): Promise<number>;
  /** Kills the agent's daemon, as the kernel would when memory is short. */
  killAgent(): Promise<void>;
};

export type InstallationOptions = {
  /** What the socket is of: `lxc` by default, and then Incus. `qemu` has no socket. */
  readonly provider?: 'lxc' | 'docker' | 'qemu';
  /** Of Incus; without one the server's own machine has no backend, and nothing is set up on it. */
  readonly socket?: string;
  /** What the machine is set up with, needed with a socket or QEMU. */
  readonly tarball?: string;
  /** The node's address on which its ports listen; 127.0.0.1 by default. */
  readonly listen?: string;
  /** Whether the server has an ssh gateway, on a port of its own; none by default. */
  readonly gateway?: boolean;
  /** More arguments of nexus server. */
  readonly serverArguments?: readonly string[];
};

export async function createInstallation(options: InstallationOptions): Promise<Installation> {
  const {provider = 'lxc'} = options;
  const hasBackend = options.socket !== undefined || provider === 'qemu';
  await using stack = new AsyncDisposableStack();
  // Short: paths of unix sockets are at most 107 bytes long.
  const top = await mkdtemp(path.join(tmpdir(), 'nx-'));
  stack.defer(() => rm(top, {recursive: true, force: true}));
  // For hack/test to end and remove what is in it when this process is killed.
  const run = process.env.NEXUS_TEST_RUN;
  if (run !== undefined) await appendFile(path.join(run, 'folders'), `${top}\n`);
  const home = path.join(top, 'h');
  const folder = path.join(top, 'work');
  await mkdir(folder);
  await mkdir(path.join(home, 'agent'), {recursive: true, mode: 0o700});
  await writeFile(
    agentHome(home).configFile,
    JSON.stringify({
      ...(hasBackend
        ? {providers: {[provider]: options.socket === undefined ? {} : {socket: options.socket}}}
        : {}),
      ...(options.listen === undefined ? {} : {listen: options.listen}),
    }),
  );

  const env = environment(home, top);
  const nexus = [process.execPath, path.join(root, 'cli/nexus.js')] as const;
  const cliWith = ({cwd = folder, env: more = {}, stdin}: CallOptions, ...args: readonly string[]) =>
    runProgram(nexus[0], [nexus[1], ...args], {
      cwd,
      env: {...env, ...more},
      ...(stdin === undefined ? {} : {stdin}),
    });
  const cli = (...args: readonly string[]) => cliWith({}, ...args);
  const must = async (...args: readonly string[]) => succeeded(`nexus ${args.join(' ')}`, await cli(...args));

  const {socket, tarball} = options;
  if (hasBackend && tarball !== undefined) {
    stack.defer(async () => {
      await must('agent', 'purge');
    });
    await must('agent', 'setup', '--image', tarball);
  } else {
    stack.defer(async () => void (await cli('agent', 'stop')));
  }

  let server: ServerProcess | undefined;
  let client: Client | undefined;
  let gatewayPort: number | undefined;
  stack.defer(async () => {
    await client?.[Symbol.asyncDispose]();
    await server?.kill();
  });
  let serverArguments = options.serverArguments ?? [];
  const start = async (given = serverArguments) => {
    serverArguments = given;
    await client?.[Symbol.asyncDispose]();
    client = undefined;
    // The same port again: clients find it where it was.
    const port = server === undefined ? '0' : new URL(server.url).port;
    const gateway =
      options.gateway === true ? ['--gateway-port', String(gatewayPort ?? 0)] : ['--no-gateway'];
    server = await startServer({
      command: [...nexus, 'server', '--port', port, ...gateway, ...serverArguments],
      env,
      recordFile: path.join(home, 'server.json'),
      logFile: path.join(home, 'server.log'),
    });
    const token = (await readFile(path.join(home, 'admin-token'), 'utf8')).trim();
    client = createClient({url: server.url, token});
    gatewayPort = (await client.gateway()).port ?? undefined;
    return server;
  };
  await start();
  if (hasBackend) {
    await must('wait', 'node/local', '--for=condition=Ready', '--timeout', '60s');
  }
  await must('ssh', 'setup', '--yes');

  const installation = (await readFile(agentHome(home).installationFile, 'utf8')).trim();
  const git = async (cwd: string, ...args: readonly string[]) =>
    succeeded(`git ${args.join(' ')}`, await runProgram('git', args, {cwd, env}));
  const agentPid = async () => Number(await readFile(agentHome(home).pidFile, 'utf8'));
  const running = stack.move();
  return {
    home,
    folder,
    env,
    backend: createBackendByHand(socket ?? '/nonexistent', installation),
    cli,
    cliWith,
    must,
    git,
    client: () => existing(client),
    server: () => existing(server),
    startServer: start,
    async sshArguments(workspace) {
      const [, ...args] = (await must('ssh', 'command', workspace, '--via', 'node')).trim().split(' ');
      return args;
    },
    async sample(name) {
      const target = path.join(folder, name);
      await cp(path.join(root, 'samples/hello'), target, {recursive: true});
      await git(target, 'init', '--quiet', '--initial-branch=main');
      await git(target, 'add', '--all');
      await git(target, 'commit', '--quiet', '--message', 'Say hello');
      return target;
    },
    agentPid,
    async killAgent() {
      const pid = await agentPid();
      process.kill(pid, 'SIGKILL');
      await eventually(async () => {
        if (await isAlive(pid)) {
          throw new Error(`process ${pid} is still there`);
        }
      });
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Nothing of whoever runs the tests; what marks processes of hack/test's run is passed on. */
function environment(home: string, userHome: string): Readonly<Record<string, string | undefined>> {
  const {PATH, NEXUS_TEST_RUN, NODE_V8_COVERAGE} = process.env;
  return {
    PATH,
    ...(NEXUS_TEST_RUN === undefined ? {} : {NEXUS_TEST_RUN}),
    ...(NODE_V8_COVERAGE === undefined ? {} : {NODE_V8_COVERAGE}),
    HOME: userHome,
    NO_COLOR: '1',
    NEXUS_HOME: home,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.com',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.com',
  };
}

function succeeded(what: string, {code, stdout, stderr}: Output): string {
  if (code !== 0) {
    throw new Error(`${what} ended with ${code}\n${stdout}${stderr}`);
  }

  return stdout;
}

function existing<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new Error('no server was started');
  }

  return value;
}

/** A zombie is dead: there may be nobody to reap it. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat !== undefined && !/^ Z/.test(stat.slice(stat.lastIndexOf(')') + 1));
}
