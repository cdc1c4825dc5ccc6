import type {Clock} from '../../effects/clock.ts';
import {timestampAt} from '../../effects/clock.ts';
import type {Logger} from '../../effects/logger.ts';
import {silentLogger} from '../../effects/logger.ts';
import type {Random} from '../../effects/random.ts';
import {checkKind, toJson} from '../check-object.ts';
import {asStored} from '../document.ts';
import {created, deleted, statusUpdated, updated} from '../lifecycle.ts';
import type {StoreMark} from '../moving/store-mark.ts';
import type {Retention} from '../retention.ts';
import {defaultRetention} from '../retention.ts';
import type {Storage} from '../storage.ts';
import {writeBackup} from './backup.ts';
import {compactLog} from './compaction.ts';
import {openDatabase} from './database.ts';
import {expireEvents} from './event-expiry.ts';
import {historyOf} from './history.ts';
import {listResources} from './list.ts';
import {readMark} from './mark.ts';
import {createPortAllocations} from './port-allocations.ts';
import {createResourceTable} from './resource-table.ts';
import {createRevisionLog} from './revision-log.ts';
import {createWatches} from './watch.ts';
import {createWriter} from './writer.ts';

export type SqliteStorageOptions = {
  /** The database file, made (0600) and migrated when needed; or `:memory:`. */
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Logger;
  readonly retention?: Partial<Retention>;
  /** Milliseconds of quiet after which a watcher gets a bookmark; 10,000 by default. */
  readonly bookmarkInterval?: number;
};

export type SqliteStorage = Storage & {
  /** What it says of moves between stores. */
  mark(): StoreMark | undefined;
  /** Compacts the log and expires Events once. */
  compact(): Promise<{readonly revisions: number; readonly events: number}>;
  /** Compacts now and every minute until `signal`; failures are logged and tried again. Resolves when it has stopped. */
  runMaintenance(signal: AbortSignal): Promise<void>;
  /** A consistent copy of everything at `path` (0600), while others go on writing; replaces what is there, whole or not at all. */
  backup(path: string): Promise<void>;
};

const maintenanceInterval = 60_000;

/**
 * The store on one SQLite file. Objects that it returns are frozen and shared. One process at a time may have it open
 * (`lockStore`): watchers are woken in this process only.
 */
export async function openSqliteStorage(options: SqliteStorageOptions): Promise<SqliteStorage> {
  const {path, clock, random, log: logger = silentLogger} = options;
  const retention = {...defaultRetention, ...options.retention};
  const {orm, connection: database} = await openDatabase(path, clock);
  const log = createRevisionLog(database);
  const resources = createResourceTable(database, log);
  const {bookmarkInterval} = options;
  const watches = createWatches({log, clock, ...(bookmarkInterval === undefined ? {} : {bookmarkInterval})});
  const writer = createWriter({
    database,
    log,
    resources,
    ports: createPortAllocations(database),
    watches,
    clock,
  });
  const nextEpoch = database
    .prepare<[number], number>(
      "UPDATE meta SET value = max(value + 1, ?) WHERE key = 'epoch' RETURNING value",
    )
    .pluck();

  const storage: SqliteStorage = {
    async get(kind, name) {
      checkKind(kind);
      return asStored<typeof kind>(resources.get(kind, name));
    },
    async list(kind, listOptions = {}) {
      checkKind(kind);
      return listResources({log, resources}, kind, listOptions);
    },
    async create(kind, object, writeOptions) {
      const candidate = toJson(kind, object);
      const document = created(candidate, {uid: random.uuid(), now: timestampAt(clock.now())});
      return asStored<typeof kind>(writer.insert(document, writeOptions));
    },
    async update(kind, object, writeOptions) {
      const candidate = toJson(kind, object);
      return asStored<typeof kind>(
        writer.change(kind, candidate.metadata.name, current => updated(current, candidate), writeOptions),
      );
    },
    async updateStatus(kind, object, {managedFields, ...writeOptions} = {}) {
      const candidate = toJson(kind, object);
      return asStored<typeof kind>(
        writer.change(
          kind,
          candidate.metadata.name,
          current => statusUpdated(current, candidate, managedFields),
          writeOptions,
        ),
      );
    },
    async delete(kind, name, {preconditions, ...writeOptions} = {}) {
      checkKind(kind);
      const now = timestampAt(clock.now());
      return asStored<typeof kind>(
        writer.change(kind, name, current => deleted(current, now, preconditions), writeOptions),
      );
    },
    watch(kind, watchOptions) {
      checkKind(kind);
      return watches.watch(kind, watchOptions);
    },
    async history(kind, name) {
      checkKind(kind);
      return historyOf(orm, kind, name);
    },
    async beginEpoch() {
      // Seconds since 1970 at least, so that a store restored from a backup is not behind what its agents have seen.
      const epoch = nextEpoch.get(Math.floor(clock.now() / 1000));
      if (epoch === undefined) {
        throw new Error(`The store ${path} has lost its epoch: restore a backup`);
      }

      return epoch;
    },
    async ping() {
      database.transaction(log.compacted).immediate();
    },
    mark: () => readMark(database),
    async compact() {
      const events = await expireEvents({database, storage, clock}, retention);
      return {revisions: await compactLog({database, log, clock}, retention), events};
    },
    async runMaintenance(signal) {
      while (!signal.aborted) {
        try {
          const done = await storage.compact();
          logger.debug(done, 'The store was compacted');
        } catch (error) {
          logger.error({err: error}, 'The store could not be compacted');
        }

        await clock.sleep(maintenanceInterval, signal).catch(() => {});
      }
    },
    backup: destination => writeBackup(database, destination),
    async [Symbol.asyncDispose]() {
      watches.close(new Error(`The store ${path} is closed`));
      await orm.destroy();
    },
  };
  return storage;
}
