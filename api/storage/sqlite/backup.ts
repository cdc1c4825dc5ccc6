import {chmod, open, rename, rm} from 'node:fs/promises';
import type {Database} from 'better-sqlite3';

/** Copies the database to `path` by SQLite's own means: page by page, starting again when it is written to. 0600. */
export async function writeBackup(database: Database, path: string): Promise<void> {
  const partial = `${path}.partial`;
  await rm(partial, {force: true});
  // Made first, so that nobody else can open it while it fills.
  const file = await open(partial, 'wx', 0o600);
  try {
    await database.backup(partial);
    await chmod(partial, 0o600);
    await file.sync();
    await rename(partial, path);
  } catch (error) {
    await rm(partial, {force: true});
    throw new Error(`The store could not be backed up to ${path}`, {cause: error});
  } finally {
    await file.close();
  }
}
