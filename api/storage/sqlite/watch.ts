import type {Clock} from '../../effects/clock.ts';
import type {Kind} from '../../v1alpha1/kinds.ts';
import {asStored} from '../document.ts';
import {isSelective, matchesSelector} from '../selector.ts';
import type {Selector, WatchEvent, WatchOptions} from '../storage.ts';
import {StorageError} from '../storage-error.ts';
import type {LogEntry, RevisionLog} from './revision-log.ts';

/** Entries that are read from the log at a time: all that a watcher ever holds. */
const batchSize = 128;

/** More often than the 30 s of silence after which Kubernetes clients reconnect. */
const defaultBookmarkInterval = 10_000;

export type Watches = {
  watch<K extends Kind>(kind: K, options: WatchOptions): AsyncIterable<WatchEvent<K>>;
  /** After each commit: wakes who waits for that kind. */
  notify(kind: Kind): void;
  /** Ends all watches with `reason`. */
  close(reason: Error): void;
};

type Waiter = {readonly kind: Kind; wake(): void};

/**
 * A watcher is nothing but a position in the log. However slow its reader is, it costs no memory; it lags, and is
 * told `Expired` when the log was compacted past it.
 */
export function createWatches({
  log,
  clock,
  bookmarkInterval = defaultBookmarkInterval,
}: {
  log: RevisionLog;
  clock: Clock;
  bookmarkInterval?: number;
}): Watches {
  const waiters = new Set<Waiter>();
  let closed: Error | undefined;

  /** Resolves at the next change of `kind`, at the abort of `signal`, when all is closed, or after `milliseconds`. */
  const change = (kind: Kind, milliseconds: number, signal: AbortSignal) =>
    new Promise<void>(resolve => {
      const wake = () => {
        waiters.delete(waiter);
        timer[Symbol.dispose]();
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const waiter: Waiter = {kind, wake};
      const timer = clock.schedule(milliseconds, wake);
      signal.addEventListener('abort', wake, {once: true});
      waiters.add(waiter);
    });

  async function* follow<K extends Kind>(
    kind: K,
    start: number | StorageError,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<K>, void, undefined> {
    if (start instanceof StorageError) {
      throw start;
    }

    const {signal} = options;
    let position = start;
    let quietSince = clock.now();
    while (!signal.aborted) {
      if (closed !== undefined) {
        throw closed;
      }

      checkRetained(log, kind, position);
      // Read before the entries, so that what is written later is not skipped.
      const end = log.current();
      const entries = log.lastOf(kind) > position ? log.after(kind, position, batchSize) : [];
      for (const entry of entries) {
        position = entry.revision;
        const type = eventType(entry, options);
        if (type !== undefined) {
          yield {type, object: asStored<K>(entry.document)};
          quietSince = clock.now();
          if (signal.aborted) {
            return;
          }
        }
      }

      if (entries.length === batchSize) {
        continue;
      }

      if (log.lastOf(kind) <= position) {
        position = Math.max(position, end);
        const left = quietSince + bookmarkInterval - clock.now();
        if (left > 0) {
          await change(kind, left, signal);
        } else {
          yield {type: 'BOOKMARK', resourceVersion: String(position)};
          quietSince = clock.now();
        }
      }
    }
  }

  return {
    watch: (kind, options) => follow(kind, startOf(log, options.resourceVersion), options),
    notify(kind) {
      for (const waiter of waiters) {
        if (waiter.kind === kind) {
          waiter.wake();
        }
      }
    },
    close(reason) {
      closed = reason;
      for (const waiter of waiters) {
        waiter.wake();
      }
    },
  };
}

/** The position is taken when `watch` is called, not when its first event is asked for. */
function startOf(log: RevisionLog, resourceVersion: string | undefined): number | StorageError {
  if (resourceVersion === undefined) {
    return log.current();
  }

  const revision = Number(resourceVersion);
  return /^[0-9]+$/.test(resourceVersion) && Number.isSafeInteger(revision)
    ? revision
    : new StorageError(
        'Invalid',
        `${JSON.stringify(resourceVersion)} is not a resourceVersion of this store`,
      );
}

function checkRetained(log: RevisionLog, kind: Kind, position: number): void {
  if (position < log.compacted() && position < log.lastOf(kind)) {
    throw new StorageError(
      'Expired',
      `Changes of ${kind} after ${position} are no longer kept (the log begins at ${log.compacted()}): list again`,
    );
  }

  if (position > log.current()) {
    throw new StorageError(
      'Expired',
      `Revision ${position} is ahead of this store (at ${log.current()}), which must have been restored: list again`,
    );
  }
}

/** What the change is to who looks through `selector`. */
function eventType(entry: LogEntry, selector: Selector): LogEntry['type'] | undefined {
  if (!isSelective(selector)) {
    return entry.type;
  }

  const before = entry.previous !== undefined && matchesSelector(entry.previous, selector);
  const after = entry.type !== 'DELETED' && matchesSelector(entry.document, selector);
  if (before) {
    return after ? 'MODIFIED' : 'DELETED';
  }

  return after ? 'ADDED' : undefined;
}
