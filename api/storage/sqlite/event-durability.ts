import type {Database} from 'better-sqlite3';
import type {Kind} from '../../v1alpha1/kinds.ts';

/**
 * Half of all writes are Events, and a sync to disk halts everything. So an Event outlives the process, but is synced only with the next write of
 * something else: when the power goes the latest may be lost, and nothing but Events, since the log is written in order.
 */
export type EventDurability = {
  /** For the time until it is disposed of, which must enclose the transaction that writes an object of this kind. */
  during(kind: Kind): Disposable;
};

/** Revisions that are set aside at once, with one sync: at most so many are skipped when the store is opened. */
const setAside = 256;

/**
 * Whoever has seen an Event that is then lost has seen a revision that would be given again, to another write, which a watch from there would miss.
 * So revisions are set aside before Events take them, and what was set aside is not given out again by whoever opens the store next.
 */
export function createEventDurability(
  database: Database,
  log: {readonly current: () => number},
): EventDurability {
  const write = database.prepare<[number]>(
    "INSERT INTO meta (key, value) VALUES ('reserved_revision', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  );
  const read = database.prepare<[], number>("SELECT value FROM meta WHERE key = 'reserved_revision'").pluck();
  let reserved = read.get() ?? 0;
  if (reserved > log.current()) {
    skipTo(database, reserved);
  }

  return {
    during(kind) {
      if (kind !== 'Event') {
        return {[Symbol.dispose]() {}};
      }

      if (log.current() >= reserved) {
        reserved = log.current() + setAside;
        write.run(reserved);
      }

      database.pragma('synchronous = NORMAL');
      return {[Symbol.dispose]: () => void database.pragma('synchronous = FULL')};
    },
  };
}

function skipTo(database: Database, revision: number): void {
  database.transaction(() => {
    database.prepare("DELETE FROM sqlite_sequence WHERE name = 'revisions'").run();
    database.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('revisions', ?)").run(revision);
  })();
}
