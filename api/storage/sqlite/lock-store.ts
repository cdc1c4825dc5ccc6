import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import Sqlite from 'better-sqlite3';
import {z} from 'zod';
import type {Clock} from '../../effects/clock.ts';
import {timestampAt} from '../../effects/clock.ts';

const holder = z.object({pid: z.int(), since: z.string()});

/**
 * Keeps every other process (and every other caller in this one) from using the store at `path` until disposed of; the
 * kernel lets go of it when this process dies, however it dies. Throws with who holds it and what to do.
 *
 * The lock is a database of its own held by an exclusive transaction, so that sqlite3 can still read the store.
 */
export function lockStore(path: string, clock: Clock): Disposable {
  const holderPath = `${path}.holder`;
  const database = new Sqlite(`${path}.lock`, {timeout: 0});
  try {
    database.pragma('journal_mode = DELETE');
    database.exec('BEGIN EXCLUSIVE');
    writeFileSync(holderPath, `${JSON.stringify({pid: process.pid, since: timestampAt(clock.now())})}\n`, {
      mode: 0o600,
    });
  } catch (error) {
    database.close();
    throw error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_BUSY')
      ? new Error(
          `The store ${path} is in use by ${describeHolder(holderPath)}. Stop that server first (hack/down, or kill its process), or give this one another NEXUS_HOME.`,
          {cause: error},
        )
      : error;
  }

  return {
    [Symbol.dispose]() {
      if (database.open) {
        rmSync(holderPath, {force: true});
        database.close();
      }
    },
  };
}

function describeHolder(path: string): string {
  try {
    const {pid, since} = holder.parse(JSON.parse(readFileSync(path, 'utf8')));
    return `the nexus server with process id ${pid}, since ${since}`;
  } catch {
    return 'another nexus server';
  }
}
