import type {Clock} from '../../effects/clock.ts';
import type {Logger} from '../../effects/logger.ts';
import type {Random} from '../../effects/random.ts';
import type {Kind} from '../../v1alpha1/kinds.ts';
import {kinds} from '../../v1alpha1/kinds.ts';
import {asStored} from '../document.ts';
import type {WatchEvent, WatchOptions} from '../storage.ts';
import {isStorageError, StorageError} from '../storage-error.ts';
import {ApiServerError} from './api-failure.ts';
import {fromApi} from './api-object.ts';
import type {ApiEvent, ApiResources} from './api-resources.ts';
import {nextWithin} from './next-within.ts';
import type {Reader} from './reader.ts';
import type {Selection} from './selection.ts';
import {selectionOf} from './selection.ts';

export type WatchTimes = {
  /** Milliseconds of quiet after which a watcher gets a bookmark. */
  readonly bookmark: number;
  /** Milliseconds without a word from the API server, which sends bookmarks each minute, after which the connection counts as dead. */
  readonly silence: number;
  /** Milliseconds for which a lost connection is made anew before the watch gives up. */
  readonly patience: number;
};

export const defaultWatchTimes: WatchTimes = {bookmark: 10_000, silence: 90_000, patience: 30_000};

/** Milliseconds. The API server itself waits for 3 s until it has got that far. */
const reachWithin = 6000;

export type Watches = {
  watch<K extends Kind>(kind: K, options: WatchOptions): AsyncIterable<WatchEvent<K>>;
  /** Resolves once each watch that began before has its position: what is written then is seen by it. */
  positioned(): Promise<void>;
  /** Ends all watches with `reason`. */
  close(reason: Error): void;
};

type Start = {position: string; matching: Set<string>};

/**
 * Watches of the API server, each resumed from its position when its connection ends or is lost. Where the API server can't select itself, a
 * watch knows the names of what matched.
 */
export function createWatches({
  api,
  reader,
  clock,
  random,
  log,
  times,
}: {
  api: ApiResources;
  reader: Reader;
  clock: Clock;
  random: Random;
  log: Logger;
  times: WatchTimes;
}): Watches {
  const closing = new AbortController();
  const starting = new Set<Promise<unknown>>();

  const begin = async (kind: Kind, selection: Selection, options: WatchOptions): Promise<Start> => {
    const {resourceVersion} = options;
    if (resourceVersion === undefined) {
      const listed = await reader.list(kind, selection.isPartial ? options : {limit: 1});
      return {position: listed.resourceVersion, matching: namesOf(listed.items)};
    }

    checkVersion(resourceVersion);
    if (!selection.isPartial) {
      await checkReached(kind, resourceVersion);
      return {position: resourceVersion, matching: new Set()};
    }

    return {
      position: resourceVersion,
      matching: namesOf(await reader.listAt(kind, resourceVersion, options)),
    };
  };

  /** Throws Expired when the API server has not got that far: it was restored, and would stay silent for ever. */
  const checkReached = async (kind: Kind, resourceVersion: string) => {
    // A connection that is dead without having said so must not hold this up: to give up ends it.
    const abort = new AbortController();
    using _limit = clock.schedule(reachWithin, () => abort.abort(new Error('no answer')));
    const query = {resourceVersion, resourceVersionMatch: 'NotOlderThan', limit: '1'};
    await api.list(kinds[kind].plural, query, abort.signal);
  };

  /** One connection: until the server ends it. */
  async function* connection<K extends Kind>(
    kind: K,
    {state, selection}: {state: Start; selection: Selection},
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<K>, void, undefined> {
    using aborting = abortWhenDisposed(signal);
    const query = {
      ...selection.query,
      resourceVersion: state.position,
      // As client-go: not all at the same time.
      timeoutSeconds: String(Math.round(300 * (1 + random.fraction()))),
    };
    const events = api.watch(kinds[kind].plural, query, aborting.signal);
    let next = events.next();
    let heardAt = clock.now();
    for (;;) {
      const arrived = await nextWithin(next, times.bookmark, clock);
      if (arrived === 'Quiet') {
        if (clock.now() - heardAt >= times.silence) {
          throw new ApiServerError(`The API server has been silent for ${times.silence / 1000} s`, 0);
        }

        yield {type: 'BOOKMARK', resourceVersion: state.position};
        continue;
      }

      if (arrived.done === true) {
        return;
      }

      heardAt = clock.now();
      const event = eventOf(kind, arrived.value, {state, selection});
      if (event !== undefined) {
        yield event;
      }

      next = events.next();
    }
  }

  async function* follow<K extends Kind>(
    kind: K,
    {start, selection, signal}: {start: Promise<Start>; selection: Selection; signal: AbortSignal},
  ): AsyncGenerator<WatchEvent<K>, void, undefined> {
    const state = await start;
    let lost: {readonly since: number; readonly failures: number} | undefined;
    while (!signal.aborted) {
      try {
        if (lost !== undefined) {
          await clock.sleep(Math.min(2000, 50 * 2 ** lost.failures) * (0.5 + random.fraction() / 2), signal);
          await checkReached(kind, state.position);
        }

        for await (const event of connection(kind, {state, selection}, signal)) {
          lost = undefined;
          yield event;
          if (signal.aborted) {
            return;
          }
        }
      } catch (error) {
        lost = {since: lost?.since ?? clock.now(), failures: (lost?.failures ?? 0) + 1};
        // What is refused is refused again.
        if (signal.aborted || isStorageError(error) || clock.now() - lost.since > times.patience) {
          throw error;
        }

        log.debug({err: error, kind, failures: lost.failures}, 'lost the watch; takes it up again');
      }
    }
  }

  return {
    watch<K extends Kind>(kind: K, options: WatchOptions) {
      const signal = AbortSignal.any([options.signal, closing.signal]);
      const selection = selectionOf(kind, options);
      const start = signal.aborted ? Promise.reject(signal.reason) : begin(kind, selection, options);
      start.catch(() => undefined);
      if (options.resourceVersion === undefined) {
        starting.add(start);
        const done = () => void starting.delete(start);
        start.then(done, done);
      }

      return untilAborted(follow(kind, {start, selection, signal}), options.signal, closing.signal);
    },
    async positioned() {
      if (starting.size > 0) {
        await Promise.allSettled(starting);
      }
    },
    close(reason) {
      closing.abort(reason);
    },
  };
}

/** What the API server's event is to this watch; it moves on. */
function eventOf<K extends Kind>(
  kind: K,
  {type, object}: ApiEvent,
  {state, selection}: {state: Start; selection: Selection},
): WatchEvent<K> | undefined {
  const {document} = fromApi(kind, type === 'BOOKMARK' ? bookmarked(object) : object);
  const {name, resourceVersion} = document.metadata;
  state.position = resourceVersion;
  if (type === 'BOOKMARK') {
    return {type, resourceVersion};
  }

  if (!selection.isPartial) {
    return {type, object: asStored<K>(document)};
  }

  const before = state.matching.has(name);
  const after = type !== 'DELETED' && selection.matches(document);
  if (after) {
    state.matching.add(name);
    return {type: before ? 'MODIFIED' : 'ADDED', object: asStored<K>(document)};
  }

  state.matching.delete(name);
  return before ? {type: 'DELETED', object: asStored<K>(document)} : undefined;
}

/** A bookmark has nothing but a version. */
function bookmarked(object: unknown): unknown {
  const metadata =
    typeof object === 'object' && object !== null && 'metadata' in object ? object.metadata : {};
  return {metadata: {name: '', ...(typeof metadata === 'object' ? metadata : {})}};
}

function checkVersion(resourceVersion: string): void {
  if (!/^[0-9]{1,19}$/.test(resourceVersion)) {
    throw new StorageError(
      'Invalid',
      `${JSON.stringify(resourceVersion)} is not a resourceVersion of this store`,
    );
  }

  if (resourceVersion === '0') {
    throw new StorageError('Expired', 'The beginning of this store is no longer kept: list again');
  }
}

function namesOf(items: readonly {readonly metadata: {readonly name: string}}[]): Set<string> {
  return new Set(items.map(({metadata}) => metadata.name));
}

function abortWhenDisposed(signal: AbortSignal): Disposable & {readonly signal: AbortSignal} {
  const abort = new AbortController();
  return {signal: AbortSignal.any([signal, abort.signal]), [Symbol.dispose]: () => abort.abort()};
}

/** An abort by the reader ends the watch at once; the end of the store is an error. */
async function* untilAborted<T>(
  events: AsyncGenerator<T, void, undefined>,
  signal: AbortSignal,
  closing: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* events;
  } catch (error) {
    if (!signal.aborted && !closing.aborted) {
      throw error;
    }
  }

  if (!signal.aborted && closing.aborted) {
    throw closing.reason;
  }
}
