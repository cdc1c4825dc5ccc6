import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import type {Selector, Storage, WatchEvent} from '../../api/storage/storage.ts';
import {isStorageError} from '../../api/storage/storage-error.ts';
import type {Kind, Stored} from '../../api/v1alpha1/kinds.ts';
import {backOffDelay} from '../workqueue/back-off.ts';
import type {CacheChange, CacheReader, IndexFunction} from './cache.ts';
import {createCache} from './cache.ts';

/**
 * A copy of all objects of one kind, kept up to date by list and watch. It may lag behind the store, never goes back, and is never older than what
 * this process wrote and told it by {@link observe}.
 */
export type Informer<K extends Kind, I extends string> = CacheReader<K, I> & {
  /** Lists and watches until `signal` is aborted, through any fault. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** Whether everything that existed at the start is in the cache. */
  hasSynced(): boolean;
  /** Whether it has synced, and no fault keeps from it what happens now. */
  isCurrent(): boolean;
  /** Resolves when {@link hasSynced}; rejects with the signal's reason. */
  synced(signal: AbortSignal): Promise<void>;
  /**
   * Takes in what a write of this process returned, so that the next reconcile plans on it though the watch has not brought it yet. An object whose
   * deletion that write completed is removed.
   */
  observe(object: Stored<K>): void;
  /** Resolves once the cache holds all that is in the store at the time of the call; rejects with the signal's reason. */
  refresh(signal: AbortSignal): Promise<void>;
  /** Called after each change of the cache, also those of the first list. Dispose of the result to stop. */
  onChange(listener: (change: CacheChange<K>) => void): Disposable;
};

export type InformerOptions<K extends Kind, I extends string> = {
  readonly storage: Pick<Storage, 'list' | 'watch'>;
  readonly kind: K;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly selector?: Selector;
  /** What else objects are found by; `{}` for nothing. */
  readonly indexes: Readonly<Record<I, IndexFunction<K>>>;
};

/** Between attempts after a fault; as client-go's reflector has it. */
const backOff = {base: 800, limit: 30_000};

export function createInformer<K extends Kind, I extends string>(
  options: InformerOptions<K, I>,
): Informer<K, I> {
  const {storage, kind, clock, random, selector = {}} = options;
  const log = options.log.child({informer: kind});
  const cache = createCache<K, I>(options.indexes);
  const listeners = new Set<(change: CacheChange<K>) => void>();
  const firstSync = Promise.withResolvers<void>();
  let hasSynced = false;
  let isLost = false;
  /** Of the last list, event or bookmark; undefined when the next thing to do is to list. */
  let position: string | undefined;
  let failures = 0;
  /** Ends the watch that runs, for a list to be made. */
  let restart = new AbortController();
  /** Those who wait for a list that begins after they have asked. */
  let refreshing: (() => void)[] = [];

  const tell = (change: CacheChange<K> | undefined) => {
    if (change === undefined) {
      return;
    }
    for (const listener of [...listeners]) {
      try {
        listener(change);
      } catch (error) {
        log.error({error}, 'a listener failed');
      }
    }
  };

  const take = (event: WatchEvent<K>) => {
    if (event.type === 'BOOKMARK') {
      position = event.resourceVersion;
    } else {
      position = event.object.metadata.resourceVersion;
      tell(event.type === 'DELETED' ? cache.remove(event.object) : cache.upsert(event.object));
    }
    cache.passed(position);
    failures = 0;
    isLost = false;
  };

  const list = async (): Promise<string> => {
    const asked = refreshing;
    const {items, resourceVersion} = await storage.list(kind, selector);
    for (const change of cache.replace(items, resourceVersion)) {
      tell(change);
    }
    isLost = false;
    if (!hasSynced) {
      hasSynced = true;
      log.debug({objects: items.length}, 'synced');
      firstSync.resolve();
    }
    refreshing = refreshing.filter(done => !asked.includes(done));
    for (const done of asked) {
      done();
    }
    return resourceVersion;
  };

  const follow = async (signal: AbortSignal) => {
    position ??= await list();
    for await (const event of storage.watch(kind, {...selector, resourceVersion: position, signal})) {
      take(event);
    }
    if (!signal.aborted) {
      throw new Error(`the store ended the watch of ${kind}`);
    }
  };

  const recover = async (error: unknown, signal: AbortSignal) => {
    failures += 1;
    isLost = true;
    if (isStorageError(error, 'Expired')) {
      position = undefined;
      log.info({}, 'the watch has expired; lists again');
      if (failures === 1) {
        return;
      }
    } else {
      log.warn({error, failures}, 'lost the watch; tries again');
    }
    await clock.sleep(backOffDelay(failures, backOff, random), signal).catch(() => {});
  };

  return {
    get: cache.get,
    list: cache.list,
    byIndex: cache.byIndex,
    async run(signal) {
      while (!signal.aborted) {
        if (refreshing.length > 0) {
          position = undefined;
        }
        restart = new AbortController();
        const round = AbortSignal.any([signal, restart.signal]);
        try {
          await follow(round);
        } catch (error) {
          if (!round.aborted) {
            await recover(error, round);
          }
        }
      }
    },
    hasSynced: () => hasSynced,
    isCurrent: () => hasSynced && !isLost,
    synced: signal => unlessAborted(firstSync.promise, signal),
    async refresh(signal) {
      signal.throwIfAborted();
      const {promise, resolve} = Promise.withResolvers<void>();
      refreshing = [...refreshing, resolve];
      restart.abort();
      await unlessAborted(promise, signal);
    },
    observe(object) {
      const {deletionTimestamp, finalizers = []} = object.metadata;
      const gone = deletionTimestamp !== undefined && finalizers.length === 0;
      tell(gone ? cache.remove(object) : cache.upsert(object));
    },
    onChange(listener) {
      listeners.add(listener);
      return {[Symbol.dispose]: () => void listeners.delete(listener)};
    },
  };
}

async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, {once: true});
  try {
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
