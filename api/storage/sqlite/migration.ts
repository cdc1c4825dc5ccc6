import type {Database} from 'better-sqlite3';
import {timestampAt} from '../../effects/clock.ts';
import {resources} from './migrations/0001-resources.ts';
import {views} from './migrations/0002-views.ts';
import {mark} from './migrations/0003-mark.ts';
import type {Migration} from './migrations/migration.ts';

/** In order; versions count from 1 without gaps. */
export const migrations: readonly Migration[] = [resources, views, mark];

export const latestVersion = migrations.length;

/**
 * Brings the schema to `target`, up or down, in one transaction: whole or not at all. Returns the version it had.
 * Throws when the database was written by a version that this program does not know.
 */
export function migrate(database: Database, now: number, target = latestVersion): number {
  return database
    .transaction(() => {
      database.exec(
        `CREATE TABLE IF NOT EXISTS "schema_version" (
          "version" integer PRIMARY KEY NOT NULL, "name" text NOT NULL, "applied_at" text NOT NULL
        )`,
      );
      const current = database
        .prepare<[], number>('SELECT coalesce(max(version), 0) FROM schema_version')
        .pluck()
        .get();
      if (current === undefined || current > latestVersion) {
        throw new Error(
          `its schema has version ${current} and this program knows ${latestVersion}: it was written by a newer nexus; use that one, or restore a backup from before the upgrade`,
        );
      }

      const record = database.prepare<[number, string, string]>(
        'INSERT INTO schema_version VALUES (?, ?, ?)',
      );
      for (const migration of migrations.slice(current, Math.max(current, target))) {
        run(database, migration.up);
        record.run(migration.version, migration.name, timestampAt(now));
      }

      const forget = database.prepare<[number]>('DELETE FROM schema_version WHERE version = ?');
      for (const migration of migrations.slice(target, current).reverse()) {
        run(database, migration.down);
        forget.run(migration.version);
      }

      return current;
    })
    .immediate();
}

function run(database: Database, statements: readonly string[]): void {
  for (const statement of statements) {
    database.exec(statement);
  }
}
