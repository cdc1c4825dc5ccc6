import {once} from 'node:events';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import type {Socket} from 'node:net';
import {connect} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {PassThrough} from 'node:stream';
import {Registry} from 'prom-client';
import ssh2 from 'ssh2';
import type {AgentStream} from '../../../api/agent/v1alpha1/agent-stream.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {systemRandom} from '../../../api/effects/random.ts';
import type {GatewayEntry, GatewayOptions} from '../../../api/gateway/gateway.ts';
import {createGateway} from '../../../api/gateway/gateway.ts';
import {loadGatewayHostKey} from '../../../api/gateway/gateway-host-key.ts';
import type {GatewayLimits} from '../../../api/gateway/gateway-limits.ts';
import {listenGateway} from '../../../api/gateway/listen-gateway.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import {sshFingerprint} from '../../../api/v1alpha1/ssh-fingerprint.ts';
import {user as userSchema} from '../../../api/v1alpha1/user.ts';
import {workspace as workspaceSchema} from '../../../api/v1alpha1/workspace.ts';
import {runProgram} from '../../../cli/spawned.ts';

export type Key = {readonly file: string; readonly publicKey: string};

/** A gateway on a free loopback port, before a store that the test writes by hand and nodes that it plays. */
export type GatewayBench = AsyncDisposable & {
  readonly folder: string;
  readonly port: number;
  readonly registry: Registry;
  readonly audited: readonly GatewayEntry[];
  /** A key of its own, which nobody has registered. */
  key(name: string, type?: 'ed25519' | 'rsa' | 'ecdsa'): Promise<Key>;
  setUser(name: string, keys: readonly Key[], role?: 'user' | 'admin'): void;
  removeUser(name: string): void;
  setWorkspace(name: string, changes?: {owner?: string; running?: boolean; node?: string | undefined}): void;
  removeWorkspace(name: string): void;
  /** OpenSSH with the gateway's key pinned, its options and host as given; nothing of the user is read. */
  ssh(key: Key, args: readonly string[]): Promise<{code: number; stdout: string; stderr: string}>;
  /** Those options, for an OpenSSH that the test starts itself. */
  options(key: Key): readonly string[];
  /** A client that does what OpenSSH would not. */
  client(key: Key): Promise<ssh2.Client>;
};

type Open = GatewayOptions['open'];

export async function createGatewayBench(
  open: Open,
  limits: Partial<GatewayLimits> = {},
): Promise<GatewayBench> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), 'nexus-gateway-'));
  stack.defer(() => rm(folder, {recursive: true, force: true}));
  const users = new Map<string, Stored<'User'>>();
  const workspaces = new Map<string, Stored<'Workspace'>>();
  const userListeners = new Set<() => void>();
  const workspaceListeners = new Set<(uid: string) => void>();
  const audited: GatewayEntry[] = [];
  const registry = new Registry();
  const hostKey = await loadGatewayHostKey(path.join(folder, 'host_key'), systemRandom);
  const listening = stack.use(await listenGateway({host: '127.0.0.1', port: 0}));
  const gateway = stack.use(
    createGateway({
      hostKey: hostKey.privateKey,
      directory: {
        ready: () => true,
        usersWith: key =>
          [...users.values()].filter(({spec}) =>
            spec.sshKeys.some(({publicKey}) => publicKey.split(' ')[1] === key),
          ),
        workspace: id =>
          workspaces.get(id) ?? [...workspaces.values()].find(({metadata}) => metadata.uid === id),
        onUserChange: listener => registered(userListeners, listener),
        onWorkspaceChange: listener => registered(workspaceListeners, listener),
      },
      open,
      audit: async entry => void audited.push(entry),
      registry,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      limits,
    }),
  );
  listening.serve(gateway.serve);
  const {port} = listening;
  const knownHosts = path.join(folder, 'known_hosts');
  await writeFile(knownHosts, `gateway ${hostKey.publicKey}\n`);
  const usersChanged = () => userListeners.forEach(listener => void listener());
  const changed = (name: string) => {
    workspaceListeners.forEach(listener => void listener(uidOf(name)));
  };
  const options = (key: Key) => [
    '-F',
    '/dev/null',
    ...['-p', String(port), '-i', key.file],
    ...Object.entries({
      IdentitiesOnly: 'yes',
      IdentityAgent: 'none',
      BatchMode: 'yes',
      HostKeyAlias: 'gateway',
      UserKnownHostsFile: knownHosts,
      GlobalKnownHostsFile: '/dev/null',
      StrictHostKeyChecking: 'yes',
      UpdateHostKeys: 'no',
    }).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
  ];

  const running = stack.move();
  return {
    folder,
    port,
    registry,
    audited,
    async key(name, type = 'ed25519') {
      const file = path.join(folder, `key-${name}`);
      const {code, stderr} = await runProgram('ssh-keygen', [
        '-q',
        '-t',
        type,
        '-N',
        '',
        '-C',
        name,
        '-f',
        file,
      ]);
      if (code !== 0) {
        throw new Error(stderr);
      }

      const {stdout} = await runProgram('ssh-keygen', ['-y', '-f', file]);
      return {file, publicKey: stdout.trim().split(' ').slice(0, 2).join(' ')};
    },
    setUser(name, keys, role = 'user') {
      users.set(name, {
        ...userSchema.parse({
          apiVersion: 'nexus.dev/v1alpha1',
          kind: 'User',
          metadata: {name},
          spec: {
            role,
            sshKeys: keys.map(({publicKey}) => ({publicKey, fingerprint: sshFingerprint(publicKey)})),
          },
        }),
        metadata: metadata(name),
      });
      usersChanged();
    },
    removeUser(name) {
      users.delete(name);
      usersChanged();
    },
    setWorkspace(name, {owner = 'ada', running: isRunning = true, ...rest} = {}) {
      const node = 'node' in rest ? rest.node : 'box';
      workspaces.set(name, {
        ...workspaceSchema.parse({
          apiVersion: 'nexus.dev/v1alpha1',
          kind: 'Workspace',
          metadata: {name},
          spec: {owner, running: isRunning},
        }),
        metadata: metadata(name),
        status: node === undefined ? {} : {node},
      });
      changed(name);
    },
    removeWorkspace(name) {
      workspaces.delete(name);
      changed(name);
    },
    options,
    ssh: async (key, args) =>
      await runProgram('ssh', [...options(key), ...args], {
        timeout: 30_000,
        env: {PATH: process.env.PATH},
      }),
    async client(key) {
      const client = new ssh2.Client();
      running.defer(() => {
        client.destroy();
      });
      client.on('error', () => undefined);
      client.connect({
        host: '127.0.0.1',
        port,
        username: 'nexus',
        strictVendor: false,
        privateKey: await readFile(key.file),
        hostVerifier: (shown: Buffer) => shown.toString('base64') === hostKey.publicKey.split(' ')[1],
      });
      await once(client, 'ready');
      return client;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** As an agent on the same machine would: to a TCP port of loopback. */
export function streamTo(port: number): Open {
  return async (_workspace, signal) => {
    const socket = connect({host: '127.0.0.1', port, noDelay: true});
    await once(socket, 'connect', {signal});
    return streamOver(socket);
  };
}

export function streamOver(socket: Socket | PassThrough): AgentStream {
  const errorOutput = new PassThrough();
  errorOutput.end();
  socket.on('error', () => undefined);
  return {
    input: socket,
    output: socket,
    errorOutput,
    finished: once(socket, 'close').then(() => ({})),
    resize() {},
    abort: () => socket.destroy(),
  };
}

function registered<T>(listeners: Set<T>, listener: T): Disposable {
  listeners.add(listener);
  return {[Symbol.dispose]: () => void listeners.delete(listener)};
}

function metadata(name: string) {
  return {
    name,
    uid: uidOf(name),
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00.000Z',
  };
}

export function uidOf(name: string): string {
  return `00000000-0000-4000-8000-${Buffer.from(name.slice(0, 6)).toString('hex').padStart(12, '0')}`;
}
