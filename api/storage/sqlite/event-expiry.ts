import type {Database} from 'better-sqlite3';
import type {Clock} from '../../effects/clock.ts';
import {timestampAt} from '../../effects/clock.ts';
import type {Retention} from '../retention.ts';
import type {Storage} from '../storage.ts';
import {isStorageError} from '../storage-error.ts';

/** Deletes Events that are too old or too many, as anybody would, so that watchers see them go. Resolves to how many went. */
export async function expireEvents(
  {database, storage, clock}: {database: Database; storage: Pick<Storage, 'delete'>; clock: Clock},
  retention: Retention,
): Promise<number> {
  const now = clock.now();
  const names = database
    .prepare<[string, string, number], string>(
      `SELECT name FROM resources WHERE kind = 'Event' AND last_timestamp < ?
         AND json_extract(doc, '$.spec.type') <> 'Warning'
       UNION
       SELECT name FROM resources WHERE kind = 'Event' AND last_timestamp < ?
       UNION
       SELECT name FROM (
         SELECT name FROM resources WHERE kind = 'Event' AND last_timestamp IS NOT NULL
         ORDER BY last_timestamp DESC, id DESC LIMIT -1 OFFSET ?
       )`,
    )
    .pluck()
    .all(
      timestampAt(now - retention.normalEvents),
      timestampAt(now - retention.warningEvents),
      retention.events,
    );

  let expired = 0;
  for (const name of names) {
    try {
      await storage.delete('Event', name);
      expired += 1;
    } catch (error) {
      if (!isStorageError(error, 'NotFound')) {
        throw error;
      }
    }
  }

  return expired;
}
