import type {Clock} from '../../effects/clock.ts';
import {systemElapsed, timestampAt} from '../../effects/clock.ts';
import type {Logger} from '../../effects/logger.ts';
import {silentLogger} from '../../effects/logger.ts';
import type {Random} from '../../effects/random.ts';
import type {Kind} from '../../v1alpha1/kinds.ts';
import {kinds} from '../../v1alpha1/kinds.ts';
import {apiVersion} from '../../v1alpha1/metadata.ts';
import {withoutStoreAnnotations} from '../../v1alpha1/store-annotations.ts';
import type {Candidate} from '../check-object.ts';
import {checkKind, toJson} from '../check-object.ts';
import type {Document} from '../document.ts';
import {asStored} from '../document.ts';
import {created, deleted, statusUpdated, updated} from '../lifecycle.ts';
import type {MovableStore} from '../moving/movable-store.ts';
import type {Retention} from '../retention.ts';
import {defaultRetention} from '../retention.ts';
import type {SharedKeys} from '../shared-keys.ts';
import type {Storage, WriteOptions} from '../storage.ts';
import type {Lead} from '../term.ts';
import {createApiResources} from './api-resources.ts';
import {createApiServer} from './api-server.ts';
import {repairClaims} from './claim-repair.ts';
import type {ClusterOptions} from './cluster-config.ts';
import {loadClusterConfig} from './cluster-config.ts';
import {createCoreEvents} from './core-events.ts';
import {createCredentials} from './credentials.ts';
import type {LeaseTimes as ElectionTimes, Elector} from './elector.ts';
import {createElector} from './elector.ts';
import {createEpochObject} from './epoch.ts';
import {expire} from './expiry.ts';
import {createHistory} from './history.ts';
import {createKeySecret} from './key-secret.ts';
import {createLease} from './lease.ts';
import {createMovableKubernetes} from './movable-kubernetes.ts';
import {createPortClaims} from './port-claims.ts';
import {createReader} from './reader.ts';
import {createRemoval} from './removal.ts';
import type {LeaseTimes, ServerLease} from './server-lease.ts';
import {checkNotMoving, takeServerLease} from './server-lease.ts';
import {createTombstones} from './tombstones.ts';
import type {WatchTimes} from './watch.ts';
import {createWatches, defaultWatchTimes} from './watch.ts';
import {createWriter} from './writer.ts';

export type KubernetesStorageOptions = ClusterOptions & {
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Logger;
  readonly times?: Partial<WatchTimes>;
  readonly retention?: Partial<Retention>;
};

export type KubernetesStorage = Storage & {
  /** Where it is, for people. */
  readonly place: string;
  /** Keeps all servers from acting on this store; see {@link takeServerLease}. */
  lock(identity: string, times?: LeaseTimes, signal?: AbortSignal): Promise<ServerLease>;
  /** All of it, to be moved to another store or from one. */
  readonly movable: MovableStore;
  /** Throws StoreNotUsable while it is being moved. */
  checkNotMoving(): Promise<void>;
  /** Where all servers of this store have their keys. */
  readonly keys: SharedKeys;
  /** The installation that this store is of: the first that asks, for good. */
  claimInstallation(installation: string): Promise<string>;
  /** The installation that it is of; undefined while it is of none. */
  installation(): Promise<string | undefined>;
  /** One of those that compete to lead on this store. */
  elector(options: ElectionOptions): Elector;
  /** Expires what is old and mends what a killed server left, once. */
  maintain(): Promise<void>;
  /** That, now and every ten minutes until `signal`; failures are logged and tried again. Resolves when it has stopped. */
  runMaintenance(signal: AbortSignal): Promise<void>;
};

export type ElectionOptions = {
  /** Unique to this process. */
  readonly identity: string;
  readonly times?: ElectionTimes;
  readonly lead: Lead;
};

const maintenanceInterval = 600_000;

/**
 * The store in one namespace of a Kubernetes API server (1.32 or later) that has the definitions in `crds/`. Any number of processes may have it open. Objects that
 * it returns are frozen. What differs from SQLite is said where it is done: {@link createHistory}, {@link createPortClaims}.
 */
export async function openKubernetesStorage(options: KubernetesStorageOptions): Promise<KubernetesStorage> {
  const {clock, random, log = silentLogger} = options;
  const cluster = await loadClusterConfig(options);
  const {namespace, server} = cluster;
  const credentials = createCredentials(cluster, clock);
  const apiServer = createApiServer(cluster, credentials, clock);
  const api = createApiResources(apiServer, {groupVersion: apiVersion, namespace});
  const reader = createReader(api);
  const times = {...defaultWatchTimes, ...options.times};
  const watches = createWatches({api, reader, clock, random, log, times});
  const claims = createPortClaims({api, reader, clock, random});
  const tombstones = createTombstones(api, clock);
  const history = createHistory(tombstones, clock);
  const removal = createRemoval({api, claims, tombstones, clock, namespace});
  const writer = createWriter({api, reader, claims, removal, history, clock, random, namespace});

  const retention = {...defaultRetention, ...options.retention};
  const place = `namespace ${namespace} of ${server}`;
  const lease = createLease(
    createApiResources(apiServer, {groupVersion: 'coordination.k8s.io/v1', namespace}),
  );
  const core = createApiResources(apiServer, {groupVersion: 'v1', namespace});
  const coreEvents = createCoreEvents({api: core, reader, namespace, clock, log});
  const told = (written: Document, {dryRun = false}: WriteOptions = {}): Document => {
    if (!dryRun && written.kind === 'Event') coreEvents.tell(asStored<'Event'>(written));
    return written;
  };
  const epoch = createEpochObject(api, {clock, random, place});
  const maintain = async () => {
    const expired = await expire({api, clock}, retention);
    await repairClaims({api, claims, clock, log});
    log.debug(expired, 'The store was looked through');
  };

  return {
    place,
    keys: createKeySecret(core, namespace),
    claimInstallation: epoch.claim,
    installation: async () => (await epoch.read())?.installation,
    lock(identity, lockTimes, signal) {
      const given = {...(lockTimes && {times: lockTimes}), ...(signal && {signal})};
      return takeServerLease({lease, identity, place, clock, elapsed: systemElapsed, log, ...given});
    },
    async checkNotMoving() {
      const state = await lease.read(new AbortController().signal);
      checkNotMoving(state?.holder ?? '', place);
    },
    elector(election) {
      return createElector({
        ...election,
        lease,
        beginEpoch: epoch.next,
        onHolder: holder => checkNotMoving(holder, place),
        clock,
        elapsed: systemElapsed,
        random,
        log: log.child({component: 'election'}),
      });
    },
    movable: createMovableKubernetes({
      api,
      claims,
      tombstones,
      epoch,
      clock,
      log,
      namespace,
      place: `Kubernetes, ${place}`,
    }),
    maintain,
    async runMaintenance(signal) {
      while (!signal.aborted) {
        await maintain().catch((error: unknown) => {
          log.error({err: error}, 'The store could not be looked through');
        });
        await clock.sleep(maintenanceInterval, signal).catch(() => {});
      }
    },
    async get(kind, name) {
      checkKind(kind);
      return asStored<typeof kind>((await reader.get(kind, name)).document);
    },
    async list(kind, listOptions = {}) {
      checkKind(kind);
      return reader.list(kind, listOptions);
    },
    async create(kind, object, writeOptions = {}) {
      const candidate = declaredOf(kind, object);
      const document = created(candidate, {uid: random.uuid(), now: timestampAt(clock.now())});
      await watches.positioned();
      const uidIsGiven = candidate.metadata.uid !== undefined;
      const inserted = await writer.insert(document, {...writeOptions, uidIsGiven});
      return asStored<typeof kind>(told(inserted, writeOptions));
    },
    async update(kind, object, writeOptions) {
      const candidate = declaredOf(kind, object);
      await watches.positioned();
      const target = {kind, name: candidate.metadata.name, part: 'declared'} as const;
      const changed = await writer.change(target, current => updated(current, candidate), writeOptions);
      return asStored<typeof kind>(told(changed, writeOptions));
    },
    async updateStatus(kind, object, {managedFields: _, ...writeOptions} = {}) {
      const candidate = declaredOf(kind, object);
      await watches.positioned();
      const target = {kind, name: candidate.metadata.name, part: 'status'} as const;
      return asStored<typeof kind>(
        await writer.change(target, current => statusUpdated(current, candidate, undefined), writeOptions),
      );
    },
    async delete(kind, name, {preconditions, ...writeOptions} = {}) {
      checkKind(kind);
      await watches.positioned();
      const now = timestampAt(clock.now());
      const target = {kind, name, part: 'whole'} as const;
      return asStored<typeof kind>(
        await writer.change(target, current => deleted(current, now, preconditions), writeOptions),
      );
    },
    watch(kind, watchOptions) {
      checkKind(kind);
      return watches.watch(kind, watchOptions);
    },
    async history(kind, name) {
      checkKind(kind);
      return history.of(kind, name, await reader.find(kind, name));
    },
    beginEpoch: () => epoch.next(),
    async ping() {
      await api.list(kinds.Workspace.plural, {limit: '1'});
    },
    async [Symbol.asyncDispose]() {
      watches.close(new Error(`The store of namespace ${namespace} is closed`));
      await coreEvents[Symbol.asyncDispose]();
      await credentials[Symbol.asyncDispose]();
    },
  };
}

/** Who owns which fields is for Kubernetes to say; what the store notes on objects is for it alone. */
function declaredOf(kind: Kind, object: unknown): Candidate {
  const candidate = toJson(kind, object);
  const {managedFields: _, ...metadata} = candidate.metadata;
  return {...candidate, metadata: withoutStoreAnnotations(metadata)};
}
