import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import type {Driver} from '../driver.ts';
import type {Entry} from './entry.ts';
import type {Registry} from './registry.ts';

/** Milliseconds between full looks, the net under the events. */
const fullInterval = 60_000;
const retryFirst = 250;
const retryLongest = 10_000;
const syncPatience = 3000;
const syncPoll = 10;
/** What is declared for an instance that does not come is dropped after so long. */
const abandonAfter = 30 * 60_000;

/** Keeps the registry true: by the backend's events within milliseconds, and by a full look now and then. */
export type Observer = AsyncDisposable & {
  /**
   * Whether this backend has been listed since the agent began, before which an absent instance means nothing.
   */
  hasListed(driver: Driver): boolean;
  /**
   * Whether any backend has been listed, or there is none; waits a little for each that has neither been listed nor failed yet.
   */
  synced(signal: AbortSignal): Promise<boolean>;
};

export type ObserverOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly registry: Registry;
  readonly drivers: readonly Driver[];
  /** Called for what was declared for an instance that never came. */
  readonly abandon: (entry: Entry) => Promise<void>;
};

export function createObserver({clock, random, log, registry, drivers, abandon}: ObserverOptions): Observer {
  const ending = new AbortController();
  const {signal} = ending;
  const listed = new Set<Driver>();
  /** Those that could not be listed when they were last asked. */
  const failing = new Set<Driver>();

  const lookAtAll = async (driver: Driver) => {
    let delay = retryFirst;
    for (;;) {
      try {
        await registry.observeAll(driver);
        listed.add(driver);
        failing.delete(driver);
        return;
      } catch (error) {
        failing.add(driver);
        log.warn({error, provider: driver.provider}, 'the backend could not be asked for its instances');
        await clock.sleep(delay * (1 + random.fraction() / 4), signal);
        delay = Math.min(delay * 2, retryLongest);
      }
    }
  };

  const lookAt = async (driver: Driver, uid: string) => {
    try {
      await registry.observe(uid);
    } catch (error) {
      log.debug({error, uid}, 'an instance could not be observed');
      await lookAtAll(driver);
    }
  };

  const followEvents = async (driver: Driver) => {
    while (!signal.aborted) {
      try {
        for await (const {uid} of driver.events(signal)) {
          const looking = uid === undefined ? lookAtAll(driver) : lookAt(driver, uid);
          looking.catch(() => {});
        }
      } catch (error) {
        log.warn({error, provider: driver.provider}, 'the events of the backend broke off');
      }
      await clock.sleep(retryFirst, signal);
    }
  };

  const lookRegularly = async (driver: Driver) => {
    for (;;) {
      await lookAtAll(driver);
      const forgotten = registry
        .entries()
        .filter(
          ({absentSince, operation}) =>
            operation === undefined && clock.now() - (absentSince ?? Infinity) > abandonAfter,
        );
      for (const entry of forgotten) {
        await abandon(entry);
      }
      await clock.sleep(fullInterval, signal);
    }
  };

  const follow = async (driver: Driver) => {
    await driver.presence?.wait(signal);
    await Promise.all([followEvents(driver), lookRegularly(driver)].map(loop => loop.catch(() => {})));
  };

  const loops = drivers.map(driver => follow(driver).catch(() => {}));
  const present = () => drivers.filter(({presence}) => presence?.present !== false);

  return {
    hasListed: driver => listed.has(driver),
    async synced(caller) {
      const until = clock.now() + syncPatience;
      // One that fails is waited for only while there is no other.
      const isOpen = (driver: Driver) => !listed.has(driver) && (listed.size === 0 || !failing.has(driver));
      while (present().some(isOpen) && clock.now() < until) {
        await clock.sleep(syncPoll, AbortSignal.any([caller, signal]));
      }
      return listed.size > 0 || present().length === 0;
    },
    async [Symbol.asyncDispose]() {
      ending.abort(new Error('the agent is stopping'));
      await Promise.all(loops);
    },
  };
}
