import test from 'ava';
import {silentLogger} from '../../../api/effects/logger.ts';
import {openSqliteStorage} from '../../../api/storage/sqlite/sqlite-storage.ts';
import type {Storage} from '../../../api/storage/storage.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import type {User} from '../../../api/v1alpha1/user.ts';
import {createInformer} from '../../../controller/informer/informer.ts';
import {fixedRandom} from '../../fakes/fixed-random.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';

function user(name: string, role: 'user' | 'admin' = 'user'): User {
  return {apiVersion: 'nexus.dev/v1alpha1', kind: 'User', metadata: {name}, spec: {role, sshKeys: []}};
}

/** An informer of users over a real store that `wrap` may tamper with. */
async function setUp(wrap: (storage: Storage) => Pick<Storage, 'list' | 'watch'> = storage => storage) {
  const clock = createManualClock();
  const storage = await openSqliteStorage({
    path: ':memory:',
    clock,
    random: fixedRandom(),
    retention: {revisions: 0, age: 0},
  });
  const informer = createInformer({
    storage: wrap(storage),
    kind: 'User',
    clock,
    random: fixedRandom(),
    log: silentLogger,
    indexes: {role: ({spec}: Stored<'User'>) => [spec.role]},
  });
  const changes: string[] = [];
  informer.onChange(({type, object}) => changes.push(`${type} ${object.metadata.name}`));
  const stopping = new AbortController();
  const start = () => informer.run(stopping.signal);
  return {
    clock,
    storage,
    informer,
    changes,
    start,
    stop: () => stopping.abort(),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await storage[Symbol.asyncDispose]();
    },
  };
}

test('it is synced once what exists is in the cache, and follows every change', async t => {
  await using world = await setUp();
  const {storage, informer, clock, changes} = world;
  await storage.create('User', user('anna'));
  t.false(informer.hasSynced());
  void world.start();
  await informer.synced(AbortSignal.timeout(60_000));
  t.true(informer.hasSynced());
  t.is(informer.get('anna')?.spec.role, 'user');

  await storage.create('User', user('ben', 'admin'));
  await storage.update('User', user('anna', 'admin'));
  await storage.delete('User', 'ben');
  await clock.settle();
  t.deepEqual(changes, ['ADDED anna', 'ADDED ben', 'MODIFIED anna', 'DELETED ben']);
  t.deepEqual(
    informer.byIndex('role', 'admin').map(({metadata}) => metadata.name),
    ['anna'],
  );
});

test('a listener that throws harms neither the informer nor the other listeners', async t => {
  await using world = await setUp();
  const heard: string[] = [];
  world.informer.onChange(() => {
    throw new Error('a bug');
  });
  const listening = world.informer.onChange(({object}) => heard.push(object.metadata.name));
  void world.start();
  await world.informer.synced(AbortSignal.timeout(60_000));
  await world.storage.create('User', user('anna'));
  await world.clock.settle();
  listening[Symbol.dispose]();
  await world.storage.create('User', user('ben'));
  await world.clock.settle();
  t.deepEqual(heard, ['anna']);
  t.deepEqual(world.changes, ['ADDED anna', 'ADDED ben']);
});

test('it sees its own writes at once, and the watch that brings them later changes nothing', async t => {
  await using world = await setUp();
  const {storage, informer, clock, changes} = world;
  const before = await storage.create('User', user('anna'));
  void world.start();
  await informer.synced(AbortSignal.timeout(60_000));
  const written = await storage.update('User', user('anna', 'admin'));
  informer.observe(written);
  informer.observe(before);
  t.is(informer.get('anna')?.spec.role, 'admin');
  await clock.settle();
  t.deepEqual(changes, ['ADDED anna', 'MODIFIED anna']);
});

test('an object whose last finalizer it removed is gone at once and does not come back', async t => {
  await using world = await setUp();
  const {storage, informer, clock, changes} = world;
  await storage.create('User', {...user('anna'), metadata: {name: 'anna', finalizers: ['nexus.dev/test']}});
  void world.start();
  await informer.synced(AbortSignal.timeout(60_000));
  await storage.delete('User', 'anna');
  informer.observe(await storage.update('User', {...user('anna'), metadata: {name: 'anna', finalizers: []}}));
  t.is(informer.get('anna'), undefined);
  await clock.settle();
  t.is(informer.get('anna'), undefined);
  t.deepEqual(changes, ['ADDED anna', 'DELETED anna']);
  await storage.create('User', user('anna', 'admin'));
  await clock.settle();
  t.is(informer.get('anna')?.spec.role, 'admin');
});

/** Lets a test break the watch while it goes on. */
function breakable(storage: Storage) {
  let current = Promise.withResolvers<never>();
  const watches: (string | undefined)[] = [];
  let lists = 0;
  const wrapped: Pick<Storage, 'list' | 'watch'> = {
    list(kind, options) {
      lists += 1;
      return storage.list(kind, options);
    },
    async *watch(kind, options) {
      watches.push(options.resourceVersion);
      const mine = Promise.withResolvers<never>();
      mine.promise.catch(() => {});
      current = mine;
      const events = storage.watch(kind, options)[Symbol.asyncIterator]();
      for (;;) {
        const next = await Promise.race([events.next(), mine.promise]);
        if (next.done) {
          return;
        }
        yield next.value;
      }
    },
  };
  return {
    wrapped,
    watches,
    lists: () => lists,
    break: (error: Error) => current.reject(error),
  };
}

test('after a fault it goes on from where it was, without listing, and misses nothing', async t => {
  let link: ReturnType<typeof breakable> | undefined;
  await using world = await setUp(storage => {
    link = breakable(storage);
    return link.wrapped;
  });
  const {storage, informer, clock, changes} = world;
  void world.start();
  await informer.synced(AbortSignal.timeout(60_000));
  await clock.settle();
  const anna = await storage.create('User', user('anna'));
  await clock.settle();
  link?.break(new Error('connection reset'));
  await clock.settle();
  await storage.create('User', user('ben'));
  await clock.settle();
  t.deepEqual(changes, ['ADDED anna'], 'it waits before it tries again');
  await clock.advance(800);
  t.deepEqual(changes, ['ADDED anna', 'ADDED ben']);
  t.is(link?.lists(), 1);
  t.is(link?.watches.at(-1), anna.metadata.resourceVersion);
});

test('what it missed while its revision expired comes by a new list, deletions too', async t => {
  let link: ReturnType<typeof breakable> | undefined;
  await using world = await setUp(storage => {
    link = breakable(storage);
    return link.wrapped;
  });
  const {storage, informer, clock, changes} = world;
  await storage.create('User', user('anna'));
  void world.start();
  await informer.synced(AbortSignal.timeout(60_000));
  await clock.settle();
  link?.break(new Error('connection reset'));
  await clock.settle();
  await storage.delete('User', 'anna');
  await storage.create('User', user('ben'));
  await storage.update('User', user('ben', 'admin'));
  // Longer than anything is kept; the informer is still backing off.
  const listsBefore = link?.lists();
  await clock.advance(1);
  await storage.compact();
  await clock.advance(40_000);
  t.deepEqual(changes.toSorted(), ['ADDED anna', 'ADDED ben', 'DELETED anna']);
  t.is(informer.get('ben')?.spec.role, 'admin');
  t.true((link?.lists() ?? 0) > (listsBefore ?? 0));
});

test('a store that can not be listed is tried again, with growing delays, until it can', async t => {
  let attempts = 0;
  await using world = await setUp(storage => ({
    watch: storage.watch,
    async list(kind, options) {
      attempts += 1;
      if (attempts <= 3) {
        throw new Error('disk I/O error');
      }
      return storage.list(kind, options);
    },
  }));
  void world.start();
  await world.clock.settle();
  t.is(attempts, 1);
  await world.clock.advance(600);
  t.is(attempts, 2);
  await world.clock.advance(1200);
  t.is(attempts, 3);
  await world.clock.advance(2399);
  t.false(world.informer.hasSynced());
  await world.clock.advance(1);
  t.true(world.informer.hasSynced());
});

test('waiting for it to sync ends with the signal', async t => {
  await using world = await setUp();
  const controller = new AbortController();
  const waiting = world.informer.synced(controller.signal);
  controller.abort(new Error('stopped'));
  await t.throwsAsync(waiting, {message: 'stopped'});
  await t.throwsAsync(world.informer.synced(controller.signal), {message: 'stopped'});
});

test('it ends with its signal and leaves no timer behind', async t => {
  await using world = await setUp();
  const running = world.start();
  await world.informer.synced(AbortSignal.timeout(60_000));
  await world.clock.settle();
  world.stop();
  await running;
  t.is(world.clock.pending, 0);
});

test('to refresh it waits until it has what was stored by then, though its watch brings nothing', async t => {
  let deaf = false;
  await using world = await setUp(storage => ({
    list: (...request) => storage.list(...request),
    async *watch(kind, options) {
      for await (const event of storage.watch(kind, options)) {
        if (!deaf) {
          yield event;
        }
      }
    },
  }));
  const {storage, informer, changes} = world;
  await storage.create('User', user('anna'));
  void world.start();
  await informer.synced(AbortSignal.timeout(60_000));
  deaf = true;
  await storage.create('User', user('ben'));
  await storage.delete('User', 'anna');
  await informer.refresh(AbortSignal.timeout(60_000));
  t.deepEqual(changes, ['ADDED anna', 'ADDED ben', 'DELETED anna']);
  deaf = false;
  await storage.create('User', user('cleo'));
  await world.clock.settle();
  t.is(changes.at(-1), 'ADDED cleo', 'it follows what comes after');
  await t.throwsAsync(informer.refresh(AbortSignal.abort(new Error('enough'))), {message: 'enough'});
});
