import type {Database, Statement} from 'better-sqlite3';
import type {Kind} from '../../v1alpha1/kinds.ts';
import type {Document} from '../document.ts';
import {StorageError} from '../storage-error.ts';
import {lookupColumns} from './entities.ts';
import type {RevisionLog} from './revision-log.ts';

/** The objects as they are now. Writes must run inside a transaction. */
export type ResourceTable = {
  find(kind: Kind, name: string): Document | undefined;
  /** Throws NotFound. */
  get(kind: Kind, name: string): Document;
  /** In order of names: those that an index finds for one of `fields`, or all. A superset of what matches. */
  candidates(kind: Kind, fields: Readonly<Record<string, string>>): readonly Document[];
  /** A document that the log has appended. Throws AlreadyExists when a living object has its uid; that the name is free is the caller's to check. */
  insert(document: Document): void;
  replace(document: Document): void;
  remove(document: Document): void;
};

export function createResourceTable(database: Database, log: RevisionLog): ResourceTable {
  const selectVersion = database
    .prepare<[string, string], number>('SELECT resource_version FROM resources WHERE kind = ? AND name = ?')
    .pluck();
  const selectAll = database
    .prepare<[string], number>('SELECT resource_version FROM resources WHERE kind = ? ORDER BY name')
    .pluck();
  const selectHolder = database.prepare<[string], {kind: string; name: string}>(
    'SELECT kind, name FROM resources WHERE uid = ?',
  );
  // The text is copied from the log, where it was just written.
  const insert = database.prepare<[string, string, string, number, number, number]>(
    `INSERT INTO resources (kind, name, uid, resource_version, generation, doc)
     VALUES (?, ?, ?, ?, ?, (SELECT doc FROM revisions WHERE revision = ?))`,
  );
  const update = database.prepare<[number, number, number, string]>(
    `UPDATE resources SET resource_version = ?, generation = ?,
       doc = (SELECT doc FROM revisions WHERE revision = ?) WHERE uid = ?`,
  );
  const remove = database.prepare<[string]>('DELETE FROM resources WHERE uid = ?');
  const lookups = new Map<string, Statement<[string, string], number>>(
    Object.entries(lookupColumns).map(([field, column]) => [
      field,
      database
        .prepare<[string, string], number>(
          `SELECT resource_version FROM resources WHERE kind = ? AND "${column}" = ? ORDER BY name`,
        )
        .pluck(),
    ]),
  );

  const find = (kind: Kind, name: string): Document | undefined => {
    const version = selectVersion.get(kind, name);
    return version === undefined ? undefined : log.load(version);
  };

  return {
    find,
    get(kind, name) {
      const document = find(kind, name);
      if (document === undefined) {
        throw new StorageError('NotFound', `There is no ${kind} named ${JSON.stringify(name)}`);
      }

      return document;
    },
    candidates(kind, fields) {
      const name = fields['metadata.name'];
      if (name !== undefined) {
        const document = find(kind, name);
        return document === undefined ? [] : [document];
      }

      for (const [field, value] of Object.entries(fields)) {
        const lookup = lookups.get(field);
        // What is absent equals the empty text, and is in no index.
        if (lookup !== undefined && value !== '') {
          return lookup.all(kind, value).map(log.load);
        }
      }

      return selectAll.all(kind).map(log.load);
    },
    insert(document) {
      const {kind, metadata} = document;
      const holder = selectHolder.get(metadata.uid);
      if (holder !== undefined) {
        throw new StorageError(
          'AlreadyExists',
          `uid ${metadata.uid} is that of ${holder.kind} ${holder.name}: two objects can't share it`,
        );
      }

      const {name, uid, generation} = metadata;
      const revision = Number(metadata.resourceVersion);
      insert.run(kind, name, uid, revision, generation, revision);
    },
    replace(document) {
      const {uid, resourceVersion, generation} = document.metadata;
      update.run(Number(resourceVersion), generation, Number(resourceVersion), uid);
    },
    remove(document) {
      remove.run(document.metadata.uid);
    },
  };
}
