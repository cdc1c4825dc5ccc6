import Sqlite from 'better-sqlite3';
import type {MovableStore} from '../moving/movable-store.ts';
import {readMark} from './mark.ts';
import {readRecords} from './records.ts';

/** The store in the file at `path` to be read, whoever writes to it. Its schema may be older than this program's. */
export function openReadableSqlite(
  path: string,
): Disposable & Pick<MovableStore, 'mark' | 'epoch' | 'records'> {
  const database = new Sqlite(path, {readonly: true, fileMustExist: true});
  return {
    mark: async () => readMark(database),
    epoch: async () =>
      database.prepare<[], number>("SELECT value FROM meta WHERE key = 'epoch'").pluck().get() ?? 0,
    records: signal => readRecords(path, signal),
    [Symbol.dispose]: () => void database.close(),
  };
}
