import type {Database} from 'better-sqlite3';
import type {Clock} from '../../effects/clock.ts';
import {timestampAt} from '../../effects/clock.ts';
import type {Retention} from '../retention.ts';
import type {RevisionLog} from './revision-log.ts';

/** Rows that go in one transaction, so that nobody waits long behind it. */
const batchSize = 1000;

/** Removes what the retention does not keep. Resolves to how many revisions went. */
export async function compactLog(
  {database, log, clock}: {database: Database; log: RevisionLog; clock: Clock},
  retention: Retention,
): Promise<number> {
  const now = clock.now();
  const aged = database
    .prepare<[string], number>('SELECT coalesce(max(revision), 0) FROM revisions WHERE time < ?')
    .pluck()
    .get(timestampAt(now - retention.age));
  const target = Math.max(aged ?? 0, log.current() - retention.revisions, log.compacted());

  // First nobody may read below the target, then what nobody may read can go, a piece at a time.
  database
    .prepare<[number]>("UPDATE meta SET value = max(value, ?) WHERE key = 'compacted_revision'")
    .run(target);
  const remove = database.prepare<[{target: number; keptSince: string; limit: number}]>(
    `DELETE FROM revisions WHERE revision IN (
      SELECT revision FROM revisions old WHERE revision <= @target AND (
        type = 'DELETED' AND (kind = 'Event' OR time < @keptSince)
        OR type <> 'DELETED' AND EXISTS (
          SELECT 1 FROM revisions later
          WHERE later.kind = old.kind AND later.name = old.name
            AND later.revision > old.revision AND later.revision <= @target
        )
      ) ORDER BY revision LIMIT @limit
    )`,
  );

  let removed = 0;
  for (;;) {
    const {changes} = remove.run({
      target,
      keptSince: timestampAt(now - retention.deleted),
      limit: batchSize,
    });
    removed += changes;
    if (changes < batchSize) {
      return removed;
    }

    await clock.sleep(1);
  }
}
