import Database from 'better-sqlite3';

/**
 * A lock that ends with the process that holds it, however it ends: SQLite's, on a file of its own. Undefined when another process holds it.
 */
export function takeProcessLock(path: string): Disposable | undefined {
  const database = new Database(path, {timeout: 0});
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (error instanceof Database.SqliteError && error.code === 'SQLITE_BUSY') {
      return undefined;
    }
    throw error;
  }
  return {[Symbol.dispose]: () => void database.close()};
}
