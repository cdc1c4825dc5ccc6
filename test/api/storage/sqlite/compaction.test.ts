import test from 'ava';
import fc from 'fast-check';
import {systemRandom} from '../../../../api/effects/random.ts';
import {createEventRecorder} from '../../../../api/storage/event-recorder.ts';
import type {Retention} from '../../../../api/storage/retention.ts';
import {openSqliteStorage} from '../../../../api/storage/sqlite/sqlite-storage.ts';
import {aWorkspace, take, watchWorkspaces, withSpec} from '../../../contracts/storage/samples.ts';
import {createManualClock} from '../../../fakes/manual-clock.ts';

const hour = 3_600_000;

async function openStore(retention: Partial<Retention> = {}) {
  const clock = createManualClock();
  const storage = await openSqliteStorage({path: ':memory:', clock, random: systemRandom, retention});
  return {clock, storage, [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose]()};
}

test('compaction by count keeps the newest revisions and the last of each object', async t => {
  await using store = await openStore({revisions: 5});
  const {storage} = store;
  const quiet = await storage.create('Workspace', aWorkspace('quiet'));
  let busy = await storage.create('Workspace', aWorkspace('busy'));
  for (let round = 0; round < 20; round += 1) {
    busy = await storage.update('Workspace', withSpec(busy, {running: round % 2 === 1}));
  }

  t.deepEqual(await storage.compact(), {revisions: 15, events: 0});
  t.deepEqual(
    (await storage.history('Workspace', 'quiet')).map(({object}) => object),
    [quiet],
  );
  t.is((await storage.history('Workspace', 'busy')).length, 6);
  t.deepEqual((await storage.list('Workspace')).items, [busy, quiet]);
});

test('compaction by age keeps what is younger', async t => {
  await using store = await openStore();
  const {storage, clock} = store;
  const first = await storage.create('Workspace', aWorkspace('a'));
  const second = await storage.update('Workspace', withSpec(first, {running: false}));
  await clock.advance(23 * hour);
  t.is((await storage.compact()).revisions, 0);
  await storage.update('Workspace', withSpec(second, {running: true}));
  await clock.advance(2 * hour);
  t.is((await storage.compact()).revisions, 1);
  t.is((await storage.history('Workspace', 'a')).length, 2);
});

test('the last state of a deleted object is kept for a month, so that it can be made again', async t => {
  await using store = await openStore();
  const {storage, clock} = store;
  await storage.create('Workspace', aWorkspace('a'));
  await storage.delete('Workspace', 'a');
  await clock.advance(29 * 24 * hour);
  await storage.compact();
  t.is((await storage.history('Workspace', 'a')).at(-1)?.type, 'DELETED');
  await clock.advance(2 * 24 * hour);
  await storage.compact();
  t.deepEqual(await storage.history('Workspace', 'a'), []);
});

test('a watch or a page from before the compaction is Expired, and one from after it goes on', async t => {
  await using store = await openStore({revisions: 3});
  const {storage} = store;
  for (const name of ['a', 'b', 'c']) {
    await storage.create('Workspace', aWorkspace(name));
  }

  const page = await storage.list('Workspace', {limit: 1});
  const old = page.resourceVersion;
  for (const name of ['d', 'e', 'f', 'g', 'h']) {
    await storage.create('Workspace', aWorkspace(name));
  }

  const recent = (await storage.get('Workspace', 'f')).metadata.resourceVersion;
  await storage.compact();
  using expired = watchWorkspaces(storage, {resourceVersion: old});
  await t.throwsAsync(expired.events.next(), {code: 'Expired', message: /list again/});
  await t.throwsAsync(storage.list('Workspace', {limit: 1, continue: page.continue ?? ''}), {
    code: 'Expired',
  });
  using watch = watchWorkspaces(storage, {resourceVersion: recent});
  t.deepEqual(
    (await take(watch.events, 2)).map(({object}) => object.metadata.name),
    ['g', 'h'],
  );
});

test('a reader that is too slow is told Expired once the log was compacted past it', async t => {
  await using store = await openStore({revisions: 10});
  const {storage} = store;
  using watch = watchWorkspaces(storage);
  await storage.create('Workspace', aWorkspace('first'));
  t.is((await take(watch.events, 1))[0]?.object.metadata.name, 'first');
  for (let index = 0; index < 300; index += 1) {
    await storage.create('Workspace', aWorkspace(`w${index}`));
    await storage.delete('Workspace', `w${index}`);
  }

  await storage.compact();
  const read = async () => {
    for (;;) {
      await take(watch.events, 1);
    }
  };

  await t.throwsAsync(read(), {code: 'Expired'});
});

test('a watch of a kind that nothing happened to outlives any compaction', async t => {
  await using store = await openStore({revisions: 1});
  const {storage} = store;
  const abort = new AbortController();
  const {resourceVersion} = await storage.list('Node');
  for (let index = 0; index < 20; index += 1) {
    await storage.create('Workspace', aWorkspace(`w${index}`));
  }

  await storage.compact();
  const events = storage.watch('Node', {resourceVersion, signal: abort.signal})[Symbol.asyncIterator]();
  const waiting = events.next();
  abort.abort();
  t.true((await waiting).done);
});

test('a quiet watch gets a bookmark every ten seconds, which it can be resumed from', async t => {
  await using store = await openStore({revisions: 1});
  const {storage, clock} = store;
  using watch = watchWorkspaces(storage, {fields: {'spec.owner': 'nobody'}});
  const next = watch.events.next();
  await clock.settle();
  const last = await storage.create('Workspace', aWorkspace('a'));
  await clock.advance(9999);
  const early = await Promise.race([next, Promise.resolve('nothing')]);
  t.is(early, 'nothing');
  await clock.advance(1);
  const bookmark = await next;
  t.deepEqual(bookmark.value, {type: 'BOOKMARK', resourceVersion: last.metadata.resourceVersion});
  await storage.compact();
  using resumed = watchWorkspaces(storage, {resourceVersion: last.metadata.resourceVersion});
  const after = take(resumed.events, 1);
  await storage.create('Workspace', aWorkspace('b'));
  t.is((await after)[0]?.object.metadata.name, 'b');
});

test('Events expire by age and by number, as ordinary deletions that leave no trace', async t => {
  await using store = await openStore({events: 3});
  const {storage, clock} = store;
  const recorder = createEventRecorder({storage, clock, component: 'test'});
  const record = (type: 'Normal' | 'Warning', reason: string) =>
    recorder.record({regarding: {kind: 'Workspace', name: 'a'}, type, reason, message: ''});
  const reasons = async () => (await storage.list('Event')).items.map(({spec}) => spec.reason).toSorted();
  await record('Normal', 'A');
  await record('Warning', 'B');
  await clock.advance(25 * hour);
  t.is((await storage.compact()).events, 1);
  t.deepEqual(await reasons(), ['B']);
  for (const reason of ['C', 'D', 'E']) {
    await clock.advance(1);
    await record('Normal', reason);
  }

  t.is((await storage.compact()).events, 1);
  t.deepEqual(await reasons(), ['C', 'D', 'E']);
  await clock.advance(8 * 24 * hour);
  await storage.compact();
  t.deepEqual(await reasons(), []);
});

test('maintenance runs at once and every minute, survives a failure, and stops with its signal', async t => {
  const clock = createManualClock();
  const logged: string[] = [];
  const log = {
    debug() {},
    info() {},
    warn() {},
    error: (_: object, message: string) => void logged.push(message),
    child: () => log,
  };
  const storage = await openSqliteStorage({
    path: ':memory:',
    clock,
    random: systemRandom,
    log,
    retention: {revisions: 0},
  });
  const abort = new AbortController();
  const running = storage.runMaintenance(abort.signal);
  const created = await storage.create('Workspace', aWorkspace('a'));
  await storage.update('Workspace', withSpec(created, {running: false}));
  await clock.advance(60_000);
  t.is((await storage.history('Workspace', 'a')).length, 1);
  t.deepEqual(logged, []);
  await storage[Symbol.asyncDispose]();
  await clock.advance(120_000);
  t.is(logged.length, 2);
  abort.abort();
  await running;
  t.is(clock.pending, 0);
});

test('however the log is compacted, objects, resumed watches and pages are right or Expired', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.tuple(fc.constantFrom('put', 'put', 'delete', 'compact'), fc.constantFrom('a', 'b', 'c', 'd')),
        {maxLength: 40},
      ),
      fc.integer({min: 0, max: 12}),
      async (operations, revisions) => {
        await using store = await openStore({revisions});
        const {storage} = store;
        const snapshots = [await storage.list('Workspace')];
        for (const [index, [verb, name]] of operations.entries()) {
          if (verb === 'compact') {
            await storage.compact();
            continue;
          }

          const exists = snapshots.at(-1)?.items.some(({metadata}) => metadata.name === name);
          if (verb === 'delete' ? exists : true) {
            const object = aWorkspace(name, {metadata: {labels: {round: `r${index}`}}});
            await (verb === 'delete'
              ? storage.delete('Workspace', name)
              : exists
                ? storage.update('Workspace', object)
                : storage.create('Workspace', object));
            snapshots.push(await storage.list('Workspace'));
          }
        }

        const last = snapshots.at(-1);
        const writes = snapshots.length - 1;
        for (const [index, {items, resourceVersion}] of snapshots.entries()) {
          using watch = watchWorkspaces(storage, {resourceVersion});
          const objects = new Map(items.map(item => [item.metadata.name, item]));
          try {
            for (const {type, object} of await take(watch.events, writes - index)) {
              if (type === 'DELETED') {
                objects.delete(object.metadata.name);
              } else {
                objects.set(object.metadata.name, object);
              }
            }

            t.deepEqual([...objects.keys()].toSorted(), last?.items.map(({metadata}) => metadata.name) ?? []);
          } catch (error) {
            t.like(error, {code: 'Expired'});
          }
        }
      },
    ),
    {numRuns: 60},
  );
});
