import type {ExecutionContext} from 'ava';
import type {Driver} from '../../../agent/driver.ts';
import type {DriverFixture, DriverSuite} from './suite.ts';

/** Milliseconds in which a change must be told; SPEC section 13 gives the whole way to acting on it a second. */
const promptly = 1000;

type Listening = {
  /** Resolves with the milliseconds until an event came that may be about this instance. */
  heardOf(uid: string): Promise<number>;
};

/** Changes are told, by whomever they were made. */
export function eventsContract({it, needs, instance}: DriverSuite): void {
  async function listen(t: ExecutionContext, driver: Driver): Promise<Listening> {
    const stopping = new AbortController();
    const waiting = new Set<(uid: string | undefined) => void>();
    const first = Promise.withResolvers<string | undefined>();
    const loop = (async () => {
      for await (const {uid} of driver.events(stopping.signal)) {
        first.resolve(uid);
        for (const each of waiting) each(uid);
      }
    })();
    t.teardown(async () => {
      stopping.abort();
      await loop;
    });
    t.is(await first.promise, undefined);
    return {
      async heardOf(wanted) {
        const since = performance.now();
        const {promise, resolve, reject} = Promise.withResolvers<number>();
        const listener = (uid: string | undefined) => {
          if (uid === undefined || uid === wanted) resolve(performance.now() - since);
        };
        waiting.add(listener);
        const timer = setTimeout(() => reject(new Error('nothing was told')), 20 * promptly);
        try {
          return await promise;
        } finally {
          clearTimeout(timer);
          waiting.delete(listener);
        }
      },
    };
  }

  /** Does it, and hears of it before long. */
  async function isTold(
    t: ExecutionContext,
    {listening, uid}: {listening: Listening; uid: string},
    action: () => Promise<void>,
  ): Promise<void> {
    const heard = listening.heardOf(uid);
    await action();
    const done = performance.now();
    await heard;
    t.true(performance.now() - done < promptly);
  }

  it('begins with "anything", and ends when told to', async (t, {driver}) => {
    const stopping = new AbortController();
    const seen: (string | undefined)[] = [];
    for await (const {uid} of driver.events(stopping.signal)) {
      seen.push(uid);
      stopping.abort();
    }
    t.deepEqual(seen, [undefined]);
  });

  it('what is done by hand is told', async (t, {driver, byHand}: DriverFixture) => {
    const {uid, name} = await instance(t);
    const listening = await listen(t, driver);
    const told = async (action: () => Promise<void>) => await isTold(t, {listening, uid}, action);
    await told(async () => await byHand.start(name));
    await told(async () => await byHand.stop(name));
    await told(async () => await byHand.delete(name));
  });

  needs('Freeze')('what is frozen by hand is told', async (t, {driver, byHand}: DriverFixture) => {
    const {uid, name} = await instance(t, {started: true});
    const listening = await listen(t, driver);
    await isTold(t, {listening, uid}, async () => await byHand.freeze(name));
  });

  needs('Rename')('what is renamed by hand is told', async (t, {driver, byHand}: DriverFixture) => {
    const {uid, name} = await instance(t);
    const listening = await listen(t, driver);
    const other = `told-${uid.slice(0, 8)}`;
    await isTold(t, {listening, uid}, async () => await byHand.rename(name, other));
    await isTold(t, {listening, uid}, async () => await byHand.delete(other));
  });

  it('what the driver does is told', async (t, {driver}) => {
    const {uid} = await instance(t);
    const listening = await listen(t, driver);
    const told = async (action: () => Promise<void>) => await isTold(t, {listening, uid}, action);
    await told(async () => await driver.start(uid));
    await told(async () => await driver.setLimits(uid, {cpus: 2, memory: 2 ** 28, disk: 2 ** 30}));
    await told(async () => await driver.delete(uid));
  });
}
