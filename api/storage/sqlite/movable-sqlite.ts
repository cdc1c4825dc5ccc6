import type {Database} from 'better-sqlite3';
import type {Clock} from '../../effects/clock.ts';
import {timestampAt} from '../../effects/clock.ts';
import type {MovableStore} from '../moving/movable-store.ts';
import type {StoreRecord} from '../moving/store-record.ts';
import {openDatabase} from './database.ts';
import {readMark, writeMark} from './mark.ts';
import {createPortAllocations} from './port-allocations.ts';
import {readRecords} from './records.ts';
import {createResourceTable} from './resource-table.ts';
import {createRevisionLog} from './revision-log.ts';

/** Records that are written in one transaction, with one sync. */
const batchSize = 200;

/** The store in the file at `path`, which is made when it is not there. The caller holds its lock ({@link lockStore}). */
export async function openMovableSqlite({
  path,
  place,
  clock,
}: {
  path: string;
  /** For people. */
  place: string;
  clock: Clock;
}): Promise<MovableStore & AsyncDisposable> {
  const {orm, connection: database} = await openDatabase(path, clock);
  const raise = database.prepare<[number]>("UPDATE meta SET value = max(value, ?) WHERE key = 'epoch'");
  const selectEpoch = database.prepare<[], number>("SELECT value FROM meta WHERE key = 'epoch'").pluck();
  return {
    place,
    mark: async () => readMark(database),
    setMark: async mark => writeMark(database, mark),
    epoch: async () => selectEpoch.get() ?? 0,
    raiseEpoch: async epoch => void raise.run(epoch),
    records: signal => readRecords(path, signal),
    async receive(records, signal) {
      clear(database);
      const write = createBatchWriter(database, clock);
      let batch: StoreRecord[] = [];
      for await (const record of records) {
        signal.throwIfAborted();
        batch.push(record);
        if (batch.length === batchSize) {
          write(batch);
          batch = [];
        }
      }

      write(batch);
    },
    [Symbol.asyncDispose]: () => orm.destroy(),
  };
}

/** Revisions go on counting where they were, so that whoever has watched this store starts again. */
function clear(database: Database): void {
  database.transaction(() => {
    database.exec(
      `UPDATE meta SET value = max(value, (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'revisions'))
         WHERE key = 'compacted_revision';
       DELETE FROM port_allocations; DELETE FROM resources; DELETE FROM revisions`,
    );
  })();
}

function createBatchWriter(database: Database, clock: Clock): (batch: readonly StoreRecord[]) => void {
  const log = createRevisionLog(database);
  const resources = createResourceTable(database, log);
  const ports = createPortAllocations(database);
  return database.transaction((batch: readonly StoreRecord[]) => {
    for (const record of batch) {
      if (record.type === 'tombstone') {
        log.append({type: 'DELETED', document: record.object, now: record.deletedAt});
        continue;
      }

      const after = log.append({type: 'ADDED', document: record.object, now: timestampAt(clock.now())});
      resources.insert(after);
      ports.follow(after);
    }
  });
}
