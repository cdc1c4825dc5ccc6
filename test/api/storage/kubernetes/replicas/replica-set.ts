import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import type {Client} from '../../../../../api/client/client.ts';
import {createClient} from '../../../../../api/client/client.ts';
import {systemRandom} from '../../../../../api/effects/random.ts';
import type {KeySet} from '../../../../../api/storage/shared-keys.ts';
import {shareHome} from '../../../../../cli/server/shared-home.ts';
import {eventually} from '../../../../e2e/eventually.ts';
import type {ServerProcess} from '../../../../e2e/server-process.ts';
import {startServer} from '../../../../e2e/server-process.ts';
import type {FaultyProxy} from '../faulty-proxy.ts';
import {startFaultyProxy} from '../faulty-proxy.ts';

const root = path.join(import.meta.dirname, '../../../../..');

/** One server of several, as a process of its own, with a way of its own to the API server. */
export type Replica = {
  readonly name: string;
  readonly proxy: FaultyProxy;
  readonly client: Client;
  start(): Promise<void>;
  kill(): Promise<void>;
  /** In good order. Resolves to its exit code. */
  stop(): Promise<number | null>;
  /** Lets no instruction of it run until it is continued. */
  freeze(): void;
  thaw(): void;
  leads(): Promise<boolean>;
  log(): Promise<string>;
};

export type ReplicaSet = AsyncDisposable & {
  readonly replicas: readonly Replica[];
  readonly installation: string;
  readonly folder: string;
  /** The one that leads, as it says itself; of those that answer. */
  leader(): Promise<Replica>;
};

export type ReplicaSetOptions = {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly size: number;
  /** Of the lease. */
  readonly seconds: number;
};

/** Servers with the same keys on one namespace; none is started. */
export async function createReplicaSet(options: ReplicaSetOptions): Promise<ReplicaSet> {
  const folder = await mkdtemp(path.join(tmpdir(), 'nexus-replicas-'));
  const keys = path.join(folder, 'keys');
  const made = await makeKeys(folder, keys);
  const replicas = await Promise.all(
    Array.from({length: options.size}, (_, index) =>
      createReplica(`replica-${index}`, {...options, folder, keys, token: made['admin-token'] ?? ''}),
    ),
  );

  return {
    replicas,
    folder,
    installation: made.installation?.trim() ?? '',
    leader: () =>
      eventually(async () => {
        for (const replica of replicas) {
          if (await replica.leads().catch(() => false)) {
            return replica;
          }
        }

        throw new Error('nobody leads');
      }),
    async [Symbol.asyncDispose]() {
      for (const replica of replicas) {
        await replica.kill();
        await replica.client[Symbol.asyncDispose]();
        await replica.proxy[Symbol.asyncDispose]();
      }

      await rm(folder, {recursive: true, force: true, maxRetries: 10, retryDelay: 100});
    },
  };
}

async function makeKeys(folder: string, keys: string): Promise<KeySet> {
  let made: KeySet = {};
  const home = path.join(folder, 'first');
  await mkdir(home);
  await shareHome({
    home,
    keys: {
      place: 'test',
      async ensure(propose) {
        made = await propose({});
        return made;
      },
    },
    random: systemRandom,
    signal: new AbortController().signal,
  });
  await mkdir(keys);
  for (const [name, value] of Object.entries(made)) {
    await writeFile(path.join(keys, name), value, {mode: 0o600});
  }

  return made;
}

async function createReplica(
  name: string,
  {
    kubeconfig,
    namespace,
    seconds,
    folder,
    keys,
    token,
  }: ReplicaSetOptions & {folder: string; keys: string; token: string},
): Promise<Replica> {
  const proxy = await startFaultyProxy(kubeconfig);
  const home = path.join(folder, name);
  const logFile = path.join(folder, `${name}.log`);
  let server: ServerProcess | undefined;
  let client: Client | undefined;
  const running = () => {
    if (server === undefined || client === undefined) {
      throw new Error(`${name} does not run`);
    }

    return {server, client};
  };
  const signal = (which: NodeJS.Signals) => process.kill(running().server.pid, which);
  await mkdir(home);

  return {
    name,
    proxy,
    get client() {
      return running().client;
    },
    async start() {
      const store = ['--store', 'kubernetes', '--kubeconfig', proxy.kubeconfig, '--namespace', namespace];
      const several = ['--keys', keys, '--lease-duration', String(seconds), '--no-local-node'];
      server = await startServer({
        command: [
          process.execPath,
          path.join(root, 'cli/nexus.js'),
          'server',
          ...store,
          ...several,
          ...['--port', '0', '--no-gateway', '--log-level', 'debug'],
        ],
        env: {...process.env, NEXUS_HOME: home},
        recordFile: path.join(home, 'server.json'),
        logFile,
      });
      await client?.[Symbol.asyncDispose]();
      client = createClient({url: server.url, token: token.trim(), timeout: 20_000});
    },
    async kill() {
      await server?.kill();
    },
    stop: () => running().server.stop(),
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async leads() {
      const {controller} = await running().client.health({signal: AbortSignal.timeout(2000)});
      return controller?.role === 'leader';
    },
    log: () => readFile(logFile, 'utf8'),
  };
}
