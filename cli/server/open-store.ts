import {hostname} from 'node:os';
import path from 'node:path';
import {agentHome, ensureInstallation} from '../../agent/system/agent-home.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import type {LeaseTimes} from '../../api/storage/kubernetes/elector.ts';
import {checkUsable} from '../../api/storage/moving/store-mark.ts';
import type {Storage} from '../../api/storage/storage.ts';
import type {Lead, Standing} from '../../api/storage/term.ts';
import {endlessTerm} from '../../api/storage/term.ts';
import {createKeyFolder, shareHome} from './shared-home.ts';

/** Which store a server is on. */
export type StoreChoice =
  | {readonly kind: 'sqlite'}
  | {
      readonly kind: 'kubernetes';
      readonly kubeconfig?: string;
      readonly context?: string;
      readonly namespace?: string;
      /** See ClusterOptions. */
      readonly podRoot?: string;
      /** A folder with what all servers of the store have in common; by default that is a Secret in the namespace. */
      readonly keys?: string;
      /** How long a leader's lease lasts; as client-go has it by default. */
      readonly leaseTimes?: LeaseTimes;
    };

/** A store that one server acts on at a time. */
export type OpenStore = AsyncDisposable & {
  readonly storage: Storage;
  /** Where it is, for people. */
  readonly description: string;
  /** Expires and compacts until `signal`. Resolves when it has stopped. */
  runMaintenance(signal: AbortSignal): Promise<void>;
  /**
   * Leads whenever it is this server's turn, until `signal`; resolves once it has stopped. On SQLite, which belongs to one server, at once and for good: it
   * rejects when `lead` does. On Kubernetes others take turns.
   */
  campaign(lead: Lead, signal: AbortSignal): Promise<void>;
  /** Gives `home` what all servers of this store have in common. Throws when `home` has served another store. */
  shareHome(signal: AbortSignal): Promise<void>;
  /** Undefined where there are no others. */
  standing(): Standing | undefined;
};

export type OpenStoreOptions = {
  readonly home: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
};

/** Throws an Error that begins with "The store …" when another server has SQLite's file, or it was moved to another one. What the other kind of store needs is not loaded. */
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
    campaign: async (lead, signal) => lead(endlessTerm(await storage.beginEpoch()), signal),
    standing: () => undefined,
    async shareHome() {},
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

async function openKubernetes(
  choice: Extract<StoreChoice, {kind: 'kubernetes'}>,
  {home, clock, random, log}: OpenStoreOptions,
): Promise<OpenStore> {
  const {openKubernetesStorage} = await import('../../api/storage/kubernetes/kubernetes-storage.ts');
  const {kind: _, leaseTimes, keys: folder, ...cluster} = choice;
  await using stack = new AsyncDisposableStack();
  const storage = stack.use(await openKubernetesStorage({...cluster, clock, random, log}));
  // Says what is wrong with it before anything waits for it.
  await storage.ping();
  checkUsable(await storage.movable.mark(), storage.place);
  await storage.checkNotMoving();
  const identity = `${hostname()}, process ${process.pid} (${random.uuid().slice(0, 8)})`;
  let elector: ReturnType<typeof storage.elector> | undefined;
  const open = stack.move();
  return {
    storage,
    description: `Kubernetes, ${storage.place}`,
    runMaintenance: signal => storage.runMaintenance(signal),
    async shareHome(signal) {
      const keys = folder === undefined ? storage.keys : createKeyFolder(folder);
      if (!(await shareHome({home, keys, random, signal}))) {
        log.warn(
          {},
          'this API server has no Secrets: other servers of this store need a copy of the keys (--keys)',
        );
      }

      const installation = await ensureInstallation(agentHome(home));
      const claimed = await storage.claimInstallation(installation);
      if (claimed !== installation) {
        throw new Error(
          `The store ${storage.place} is of installation ${claimed}, and ${home} is of ${installation}: all its servers must have the same keys (--keys), or this one another namespace.`,
        );
      }
    },
    async campaign(lead, signal) {
      elector = storage.elector({identity, lead, ...(leaseTimes === undefined ? {} : {times: leaseTimes})});
      await elector.run(signal);
    },
    standing: () => elector?.standing() ?? {leading: false, leader: undefined, heard: false},
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
