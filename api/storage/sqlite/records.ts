import type {Database} from 'better-sqlite3';
import Sqlite from 'better-sqlite3';
import type {Document} from '../document.ts';
import {parseDocument} from '../document.ts';
import type {StoreRecord} from '../moving/store-record.ts';
import {rememberedKinds} from '../moving/store-record.ts';

/** Of the last state of what is gone: nothing that lives has its uid. */
const tombstones = `SELECT doc, time FROM revisions WHERE revision IN (
    SELECT max(revision) FROM revisions
    WHERE type = 'DELETED' AND kind IN (${rememberedKinds.map(() => '?').join(', ')})
    GROUP BY kind, uid
  ) AND uid NOT IN (SELECT uid FROM resources) ORDER BY revision`;

/** Everything in the file at `path` as it is when this is called first, on a connection of its own, so that a server can go on writing. */
export async function* readRecords(
  path: string,
  signal: AbortSignal,
): AsyncGenerator<StoreRecord, void, undefined> {
  const database = new Sqlite(path, {readonly: true, fileMustExist: true});
  try {
    database.pragma('busy_timeout = 5000');
    // What a transaction has once read stays as it was until its end.
    database.exec('BEGIN');
    for (const record of recordsOf(database)) {
      signal.throwIfAborted();
      yield record;
    }
  } finally {
    database.close();
  }
}

function* recordsOf(database: Database): Generator<StoreRecord, void, undefined> {
  const gone = database.prepare<string[], {doc: string; time: string}>(tombstones);
  for (const {doc, time} of gone.iterate(...rememberedKinds)) {
    yield {type: 'tombstone', deletedAt: time, object: unversioned(parseDocument(doc))};
  }

  const living = database.prepare<[], string>('SELECT doc FROM resources ORDER BY kind, name').pluck();
  for (const doc of living.iterate()) {
    yield {type: 'object', object: unversioned(parseDocument(doc))};
  }
}

function unversioned(document: Document): Document {
  return {...document, metadata: {...document.metadata, resourceVersion: '0'}};
}
