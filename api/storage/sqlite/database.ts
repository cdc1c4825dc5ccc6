import {closeSync, openSync} from 'node:fs';
import type {Database} from 'better-sqlite3';
import {DataSource} from 'typeorm';
import type {Clock} from '../../effects/clock.ts';
import {entities} from './entities.ts';
import {migrate} from './migration.ts';

export type SqliteDatabase = {
  /** TypeORM's view of the database: schema and cold reads. */
  readonly orm: DataSource;
  /**
   * The same, one connection. All writes are synchronous transactions on it, so that no two interleave: TypeORM has one
   * connection for all its query runners, and a rollback of one would drop what another wrote (typeorm#1884).
   */
  readonly connection: Database;
};

/** Opens or makes the database file (0600) and migrates it. Throws with what to do when that can't be done. */
export async function openDatabase(path: string, clock: Clock): Promise<SqliteDatabase> {
  let connection: Database | undefined;
  const orm = new DataSource({
    type: 'better-sqlite3',
    database: path,
    entities,
    prepareDatabase(opened: Database) {
      connection = opened;
      configure(opened);
    },
  });

  try {
    if (path !== ':memory:') {
      closeSync(openSync(path, 'a', 0o600));
    }

    await orm.initialize();
    if (connection === undefined) {
      throw new Error('TypeORM gave no connection');
    }

    migrate(connection, clock.now());
    return {orm, connection};
  } catch (error) {
    connection?.close();
    throw new Error(`The store ${path} can't be opened: ${messageOf(error)}.`, {cause: error});
  }
}

function configure(connection: Database): void {
  connection.pragma('journal_mode = WAL');
  // A kill -9 needs only NORMAL; FULL also keeps what was acknowledged when the power goes, at the price of one fsync a
  // write. Without it a workspace could be forgotten while its instance lives on and is collected as an orphan.
  connection.pragma('synchronous = FULL');
  connection.pragma('foreign_keys = ON');
  connection.pragma('busy_timeout = 5000');
  connection.pragma('journal_size_limit = 67108864');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
