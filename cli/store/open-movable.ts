import {access} from 'node:fs/promises';
import {hostname} from 'node:os';
import path from 'node:path';
import {agentHome, ensureInstallation, readIfThere} from '../../agent/system/agent-home.ts';
import {systemRandom} from '../../api/effects/random.ts';
import type {KubernetesStorage} from '../../api/storage/kubernetes/kubernetes-storage.ts';
import {mover} from '../../api/storage/kubernetes/server-lease.ts';
import type {MovableStore} from '../../api/storage/moving/movable-store.ts';
import type {SharedKeys} from '../../api/storage/shared-keys.ts';
import type {Cli} from '../cli.ts';
import {CliError} from '../exit-code.ts';
import {ensureHome} from '../home.ts';
import type {StoreChoice} from '../server/open-store.ts';

/** A store that no server can begin to use until this is disposed of. */
export type HeldStore = AsyncDisposable & {
  readonly store: MovableStore;
  /** Rejects when a server may use it all the same. */
  readonly lost: Promise<never>;
  readonly belongs: Belonging;
  /** Where servers of this store have their keys in common; undefined where there is one server, with its home. */
  readonly keys: SharedKeys | undefined;
};

/** Which installation a store is of: what everything on the nodes is named after. */
export type Belonging = {
  /** Undefined when it is of none yet. */
  installation(): Promise<string | undefined>;
  /** Makes it that one's. Throws when it is another's. */
  claim(installation: string): Promise<void>;
};

/** Throws CliError `conflict` when a server uses it. Without `create`, a SQLite store must be there. */
export async function holdStore(
  cli: Cli,
  choice: StoreChoice,
  {create}: {create: boolean},
): Promise<HeldStore> {
  try {
    return choice.kind === 'sqlite' ? await holdSqlite(cli, create) : await holdKubernetes(cli, choice);
  } catch (error) {
    throw error instanceof Error && error.message.startsWith('The store ')
      ? new CliError('conflict', error.message, {cause: error})
      : error;
  }
}

async function holdSqlite(cli: Cli, create: boolean): Promise<HeldStore> {
  const file = sqliteFile(cli);
  if (create) {
    await ensureHome(cli.home);
  } else {
    await checkThere(cli, file);
  }

  const {lockStore} = await import('../../api/storage/sqlite/lock-store.ts');
  const {openMovableSqlite} = await import('../../api/storage/sqlite/movable-sqlite.ts');
  await using stack = new AsyncDisposableStack();
  stack.use(lockStore(file, cli.clock));
  const store = stack.use(await openMovableSqlite({path: file, place: sqlitePlace(file), clock: cli.clock}));
  const held = stack.move();
  return {
    store,
    lost: Promise.withResolvers<never>().promise,
    belongs: belongingOf(cli),
    keys: undefined,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function holdKubernetes(
  cli: Cli,
  choice: Extract<StoreChoice, {kind: 'kubernetes'}>,
): Promise<HeldStore> {
  await using stack = new AsyncDisposableStack();
  const storage = stack.use(await openCluster(cli, choice));
  using _waiting = cli.clock.schedule(1500, () =>
    cli.note('waiting until it is certain that no server uses the store in the cluster any more'),
  );
  const lease = stack.use(
    await storage.lock(
      `${mover}${hostname()}, process ${process.pid} (${systemRandom.uuid().slice(0, 8)})`,
      undefined,
      cli.signal,
    ),
  );
  const held = stack.move();
  return {
    store: storage.movable,
    lost: lease.lost,
    belongs: belongingIn(storage),
    keys: storage.keys,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function belongingOf({home}: Pick<Cli, 'home'>): Belonging {
  const own = agentHome(home);
  return {
    installation: async () => (await readIfThere(own.installationFile))?.trim(),
    async claim(installation) {
      await ensureInstallation(own, installation);
    },
  };
}

function belongingIn(storage: KubernetesStorage): Belonging {
  return {
    installation: () => storage.installation(),
    async claim(installation) {
      const claimed = await storage.claimInstallation(installation);
      if (claimed !== installation) {
        throw new CliError('conflict', `${storage.place} is of installation ${claimed}, not ${installation}`);
      }
    },
  };
}

/** Aborted with `signal`, and when one of the stores is held no longer: what is under way must end before a server acts on it. */
export function untilLost(
  signal: AbortSignal,
  stores: readonly Pick<HeldStore, 'lost'>[],
): Disposable & {readonly signal: AbortSignal} {
  const lost = new AbortController();
  for (const store of stores) {
    store.lost.catch((error: unknown) => lost.abort(error));
  }

  return {signal: AbortSignal.any([signal, lost.signal]), [Symbol.dispose]: () => lost.abort()};
}

/** A store to read, whoever uses it. */
export type ReadableStore = AsyncDisposable &
  Pick<MovableStore, 'place' | 'mark' | 'epoch' | 'records'> &
  Pick<HeldStore, 'belongs'>;

export async function openReadable(cli: Cli, choice: StoreChoice): Promise<ReadableStore> {
  if (choice.kind === 'kubernetes') {
    const storage = await openCluster(cli, choice);
    return {
      ...storage.movable,
      belongs: belongingIn(storage),
      [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
    };
  }

  const file = sqliteFile(cli);
  await checkThere(cli, file);
  const {openReadableSqlite} = await import('../../api/storage/sqlite/readable-sqlite.ts');
  const readable = openReadableSqlite(file);
  return {
    ...readable,
    belongs: belongingOf(cli),
    place: sqlitePlace(file),
    async [Symbol.asyncDispose]() {
      readable[Symbol.dispose]();
    },
  };
}

async function openCluster(
  cli: Cli,
  choice: Extract<StoreChoice, {kind: 'kubernetes'}>,
): Promise<KubernetesStorage> {
  const {openKubernetesStorage} = await import('../../api/storage/kubernetes/kubernetes-storage.ts');
  const {kind: _, ...cluster} = choice;
  const storage = await openKubernetesStorage({...cluster, clock: cli.clock, random: systemRandom});
  try {
    await storage.ping();
    return storage;
  } catch (error) {
    await storage[Symbol.asyncDispose]();
    throw error;
  }
}

function sqliteFile(cli: Cli): string {
  return path.join(cli.home, 'nexus.sqlite');
}

function sqlitePlace(file: string): string {
  return `SQLite, ${file} on ${hostname()}`;
}

async function checkThere(cli: Cli, file: string): Promise<void> {
  try {
    await access(file);
  } catch (error) {
    throw new CliError('notFound', `there is no store in ${cli.home}`, {
      hint: 'Run this on the machine of the server, with its NEXUS_HOME.',
      cause: error,
    });
  }
}
