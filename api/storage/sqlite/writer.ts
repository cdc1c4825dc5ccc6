import type {Database} from 'better-sqlite3';
import type {Clock} from '../../effects/clock.ts';
import {timestampAt} from '../../effects/clock.ts';
import type {Kind} from '../../v1alpha1/kinds.ts';
import type {Document} from '../document.ts';
import {freeze} from '../document.ts';
import type {Change} from '../lifecycle.ts';
import type {WriteOptions} from '../storage.ts';
import {StorageError} from '../storage-error.ts';
import {createEventDurability} from './event-durability.ts';
import type {PortAllocations} from './port-allocations.ts';
import type {ResourceTable} from './resource-table.ts';
import type {RevisionLog} from './revision-log.ts';
import type {Watches} from './watch.ts';

/** Every change of an object: itself, its revision and its ports in one transaction, then the watchers. */
export type Writer = {
  /** Throws AlreadyExists. */
  insert(document: Document, options?: WriteOptions): Document;
  /** Does what `decide` makes of the object as it is. Throws NotFound, and what `decide` throws. */
  change(kind: Kind, name: string, decide: (current: Document) => Change, options?: WriteOptions): Document;
};

/** `before` is the object that was there; the same as `after` when nothing was written. */
type Outcome = {readonly before: Document | undefined; readonly after: Document};

export function createWriter({
  database,
  log,
  resources,
  ports,
  watches,
  clock,
}: {
  database: Database;
  log: RevisionLog;
  resources: ResourceTable;
  ports: PortAllocations;
  watches: Watches;
  clock: Clock;
}): Writer {
  const now = () => timestampAt(clock.now());

  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const rollback = database.prepare('ROLLBACK');
  const durability = createEventDurability(database, log);

  const insert = (document: Document): Outcome => {
    const {kind, metadata} = document;
    if (resources.find(kind, metadata.name) !== undefined) {
      throw new StorageError('AlreadyExists', `There is already a ${kind} named ${metadata.name}`);
    }

    const after = log.append({type: 'ADDED', document, now: now()});
    resources.insert(after);
    ports.follow(after);
    return {before: undefined, after};
  };

  const change = (kind: Kind, name: string, decide: (current: Document) => Change): Outcome => {
    const before = resources.get(kind, name);
    const decision = decide(before);
    if (decision.type === 'None') {
      return {before, after: before};
    }

    const after = log.append({
      type: decision.type === 'Remove' ? 'DELETED' : 'MODIFIED',
      document: decision.next,
      previous: Number(before.metadata.resourceVersion),
      now: now(),
    });
    if (decision.type === 'Remove') {
      resources.remove(after);
    } else {
      resources.replace(after);
      ports.follow(after, before);
    }

    return {before, after};
  };

  const transact = (kind: Kind, work: () => Outcome, {dryRun = false}: WriteOptions = {}): Document => {
    using _durability = durability.during(kind);
    begin.run();
    try {
      const {before, after} = work();
      if (dryRun || before === after) {
        rollback.run();
        return before === after ? after : atVersion(after, before?.metadata.resourceVersion ?? '0');
      }

      commit.run();
      log.committed(after);
      watches.notify(after.kind);
      return after;
    } catch (error) {
      // SQLite has already rolled back after some faults, such as a full disk.
      if (database.inTransaction) {
        rollback.run();
      }

      throw error;
    }
  };

  return {
    insert: (document, options) => transact(document.kind, () => insert(document), options),
    change: (kind, name, decide, options) => transact(kind, () => change(kind, name, decide), options),
  };
}

/** What a dry run answers: the object as it would be, at the version it still has. */
function atVersion(document: Document, resourceVersion: string): Document {
  return freeze({...document, metadata: {...document.metadata, resourceVersion}});
}
