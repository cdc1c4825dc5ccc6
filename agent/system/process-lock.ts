import {DatabaseSync} from 'node:sqlite';

/** SQLITE_BUSY. */
const busy = 5;

/**
 * A lock that ends with the process that holds it, however it ends: SQLite's, on a file of its own. Undefined when another process holds it.
 */
export function takeProcessLock(path: string): Disposable | undefined {
  const database = new DatabaseSync(path, {timeout: 0});
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === busy) {
      return undefined;
    }
    throw error;
  }
  return {[Symbol.dispose]: () => void database.close()};
}
