import {hostname} from 'node:os';
import path from 'node:path';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import {checkUsable} from '../../api/storage/moving/store-mark.ts';
import type {Storage} from '../../api/storage/storage.ts';

/** Which store a server is on. */
export type StoreChoice =
  | {readonly kind: 'sqlite'}
  | {
      readonly kind: 'kubernetes';
      readonly kubeconfig?: string;
      readonly context?: string;
      readonly namespace?: string;
    };

/** A store that no other server uses until this is disposed of. */
export type OpenStore = AsyncDisposable & {
  readonly storage: Storage;
  /** Where it is, for people. */
  readonly description: string;
  /** Expires and compacts until `signal`. Resolves when it has stopped. */
  runMaintenance(signal: AbortSignal): Promise<void>;
  /** Rejects when another server may use it from now on: this one must not act any more. */
  readonly lost: Promise<never>;
};

export type OpenStoreOptions = {
  readonly home: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
};

/** Throws an Error that begins with "The store …" when another server uses it, or it was moved to another one. What the other kind of store needs is not loaded. */
export async function openStore(choice: StoreChoice, options: OpenStoreOptions): Promise<OpenStore> {
  return choice.kind === 'sqlite' ? openSqlite(options) : openKubernetes(choice, options);
}

async function openSqlite({home, clock, random, log}: OpenStoreOptions): Promise<OpenStore> {
  const {lockStore} = await import('../../api/storage/sqlite/lock-store.ts');
  const {openSqliteStorage} = await import('../../api/storage/sqlite/sqlite-storage.ts');
  await using stack = new AsyncDisposableStack();
  const file = path.join(home, 'nexus.sqlite');
  stack.use(lockStore(file, clock));
  const storage = stack.use(await openSqliteStorage({path: file, clock, random, log}));
  checkUsable(storage.mark(), file);
  const open = stack.move();
  return {
    storage,
    description: `SQLite, ${file}`,
    runMaintenance: signal => storage.runMaintenance(signal),
    lost: Promise.withResolvers<never>().promise,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

async function openKubernetes(
  choice: Extract<StoreChoice, {kind: 'kubernetes'}>,
  {clock, random, log}: OpenStoreOptions,
): Promise<OpenStore> {
  const {openKubernetesStorage} = await import('../../api/storage/kubernetes/kubernetes-storage.ts');
  const {kind: _, ...cluster} = choice;
  await using stack = new AsyncDisposableStack();
  const storage = stack.use(await openKubernetesStorage({...cluster, clock, random, log}));
  // Says what is wrong with it before anything waits for it.
  await storage.ping();
  checkUsable(await storage.movable.mark(), storage.place);
  const identity = `${hostname()}, process ${process.pid} (${random.uuid().slice(0, 8)})`;
  const lease = stack.use(await storage.lock(identity));
  const open = stack.move();
  return {
    storage,
    description: `Kubernetes, ${storage.place}`,
    runMaintenance: signal => storage.runMaintenance(signal),
    lost: lease.lost,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
