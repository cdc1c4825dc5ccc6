import type {Database} from 'better-sqlite3';
import type {Kind} from '../../v1alpha1/kinds.ts';
import type {Document} from '../document.ts';
import {freeze, parseDocument, serialize} from '../document.ts';
import type {RevisionRow} from './entities.ts';

export type RevisionType = RevisionRow['type'];

export type LogEntry = {
  readonly revision: number;
  readonly type: RevisionType;
  readonly document: Document;
  /** The object as it was before; undefined for ADDED. */
  readonly previous: Document | undefined;
};

export type RevisionLog = {
  /** The last revision that was written, of any kind. */
  current(): number;
  /** Revisions up to here may be gone, except the last of each living object. */
  compacted(): number;
  /** The last revision of that kind: who has seen it has missed nothing, however far the log is compacted. */
  lastOf(kind: Kind): number;
  /** `document` at a revision of its own. Must run inside the transaction that changes the object; {@link committed} follows. */
  append(entry: {type: RevisionType; document: Document; previous?: number; now: string}): Document;
  /** Makes what was appended visible to {@link lastOf} and {@link load}. */
  committed(document: Document): void;
  load(revision: number): Document;
  /** At most `limit` entries of that kind after `position`, in order. */
  after(kind: Kind, position: number, limit: number): readonly LogEntry[];
  /** Names after `name`, and the revision each living object of that kind had at `revision`, in order of names. */
  snapshot(kind: Kind, revision: number, page: {after: string; limit: number}): readonly SnapshotRow[];
  countAt(kind: Kind, revision: number, after: string): number;
};

export type SnapshotRow = {readonly name: string; readonly revision: number};

/** Parsed documents that are kept; about as many as are alive at once. */
const cachedDocuments = 20_000;

const livingAt = `kind = ? AND revision <= ? AND name > ? AND type <> 'DELETED'
  AND NOT EXISTS (
    SELECT 1 FROM revisions later
    WHERE later.kind = revisions.kind AND later.name = revisions.name
      AND later.revision > revisions.revision AND later.revision <= ?
  )`;

/** Every write in order, with the documents as they were. Documents are parsed once and shared. */
export function createRevisionLog(database: Database): RevisionLog {
  const selectCurrent = database
    .prepare<[], number>("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'revisions'), 0)")
    .pluck();
  const selectCompacted = database
    .prepare<[], number>("SELECT value FROM meta WHERE key = 'compacted_revision'")
    .pluck();
  const insert = database.prepare<
    [number, string, string, string, RevisionType, number | null, string, string]
  >(
    'INSERT INTO revisions (revision, kind, name, uid, type, previous, time, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const selectDocument = database
    .prepare<[number], string>('SELECT doc FROM revisions WHERE revision = ?')
    .pluck();
  const selectAfter = database.prepare<
    [string, number, number],
    Pick<RevisionRow, 'revision' | 'type' | 'previous'>
  >(
    'SELECT revision, type, previous FROM revisions WHERE kind = ? AND revision > ? ORDER BY revision LIMIT ?',
  );
  const selectSnapshot = database.prepare<[string, number, string, number, number], SnapshotRow>(
    `SELECT name, revision FROM revisions WHERE ${livingAt} ORDER BY name LIMIT ?`,
  );
  const countSnapshot = database
    .prepare<[string, number, string, number], number>(`SELECT count(*) FROM revisions WHERE ${livingAt}`)
    .pluck();
  const selectLast = database.prepare<[], {kind: Kind; last: number}>(
    'SELECT kind, max(revision) AS last FROM revisions GROUP BY kind',
  );

  const cache = new Map<number, Document>();
  // The trace of the last deletion of a kind may have been compacted before this process began.
  const lastAtStart = selectCompacted.get() ?? 0;
  const last = new Map(selectLast.all().map(row => [row.kind, Math.max(row.last, lastAtStart)]));

  const remember = (revision: number, document: Document) => {
    cache.set(revision, document);
    if (cache.size > cachedDocuments) {
      for (const oldest of cache.keys()) {
        cache.delete(oldest);
        break;
      }
    }
  };

  const current = () => selectCurrent.get() ?? 0;
  const compacted = () => selectCompacted.get() ?? 0;

  const load = (revision: number): Document => {
    const known = cache.get(revision);
    if (known !== undefined) {
      // Moved to the young end, so that what is read often stays.
      cache.delete(revision);
      cache.set(revision, known);
      return known;
    }

    const text = selectDocument.get(revision);
    if (text === undefined) {
      throw new Error(`The store has lost revision ${revision}: restore a backup`);
    }

    const document = parseDocument(text);
    remember(revision, document);
    return document;
  };

  return {
    current,
    compacted,
    load,
    lastOf: kind => last.get(kind) ?? lastAtStart,
    append({type, document, previous, now}) {
      const revision = current() + 1;
      const {kind, metadata} = document;
      const next: Document = {...document, metadata: {...metadata, resourceVersion: String(revision)}};
      insert.run(revision, kind, metadata.name, metadata.uid, type, previous ?? null, now, serialize(next));
      return freeze(next);
    },
    committed(document) {
      const revision = Number(document.metadata.resourceVersion);
      last.set(document.kind, revision);
      remember(revision, document);
    },
    after(kind, position, limit) {
      return selectAfter.all(kind, position, limit).map(({revision, type, previous}) => ({
        revision,
        type,
        document: load(revision),
        previous: previous === null ? undefined : load(previous),
      }));
    },
    snapshot: (kind, revision, {after, limit}) => selectSnapshot.all(kind, revision, after, revision, limit),
    countAt: (kind, revision, after) => countSnapshot.get(kind, revision, after, revision) ?? 0,
  };
}
