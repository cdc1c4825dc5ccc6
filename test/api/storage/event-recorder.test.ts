import test from 'ava';
import {systemRandom} from '../../../api/effects/random.ts';
import {createEventRecorder} from '../../../api/storage/event-recorder.ts';
import {openSqliteStorage} from '../../../api/storage/sqlite/sqlite-storage.ts';
import type {Storage} from '../../../api/storage/storage.ts';
import {StorageError} from '../../../api/storage/storage-error.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';

const regarding = {kind: 'Workspace', name: 'shop', uid: 'u1'};
const started = {regarding, type: 'Normal', reason: 'Started', message: 'It runs'} as const;

async function setUp() {
  const clock = createManualClock();
  const storage = await openSqliteStorage({path: ':memory:', clock, random: systemRandom});
  const create = (over: Partial<Storage> = {}) =>
    createEventRecorder({
      storage: {...storage, ...over},
      clock,
      component: 'controller',
    });
  const events = async () => (await storage.list('Event')).items.map(({spec}) => spec);
  return {clock, storage, create, events, [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose]()};
}

test('what happened becomes an Event with who did it, when, and in which request', async t => {
  await using world = await setUp();
  await world.create().record({...started, actor: 'ada', requestId: 'r1'});
  t.deepEqual(await world.events(), [
    {
      ...started,
      actor: 'ada',
      requestId: 'r1',
      count: 1,
      firstTimestamp: '2026-11-20T10:00:00.000Z',
      lastTimestamp: '2026-11-20T10:00:00.000Z',
    },
  ]);
});

test('a repeat is counted on the same Event, also by another recorder and after a restart', async t => {
  await using world = await setUp();
  await world.create().record(started);
  await world.clock.advance(60_000);
  await world.create().record(started);
  const [event, ...others] = await world.events();
  t.like(event, {
    count: 2,
    actor: 'controller',
    firstTimestamp: '2026-11-20T10:00:00.000Z',
    lastTimestamp: '2026-11-20T10:01:00.000Z',
  });
  t.deepEqual(others, []);
});

test('a repeat after ten quiet minutes is an Event of its own', async t => {
  await using world = await setUp();
  const recorder = world.create();
  await recorder.record(started);
  await world.clock.advance(600_001);
  await recorder.record(started);
  t.deepEqual(
    (await world.events()).map(({count}) => count),
    [1, 1],
  );
});

test('another object, reason, type, actor or message is another Event', async t => {
  await using world = await setUp();
  const recorder = world.create();
  await recorder.record(started);
  await recorder.record({...started, regarding: {...regarding, uid: 'u2'}});
  await recorder.record({...started, reason: 'Stopped'});
  await recorder.record({...started, type: 'Warning'});
  await recorder.record({...started, actor: 'ada'});
  await recorder.record({...started, message: 'It runs again'});
  await recorder.record({...started, regarding: {kind: 'Node', name: 'shop'}});
  t.is((await world.events()).length, 7);
});

test('repeats at the same moment are all counted', async t => {
  await using world = await setUp();
  const recorder = world.create();
  await Promise.all(Array.from({length: 50}, () => recorder.record(started)));
  t.deepEqual(
    (await world.events()).map(({count}) => count),
    [50],
  );
});

test('messages that keep changing become one Event with the latest', async t => {
  await using world = await setUp();
  const recorder = world.create();
  for (let attempt = 1; attempt <= 30; attempt += 1) {
    await recorder.record({...started, message: `attempt ${attempt}`});
  }

  const events = await world.events();
  t.is(events.length, 11);
  const combined = events.find(({count}) => count > 1);
  t.is(combined?.count, 20);
  t.is(combined?.message, '(combined from similar events): attempt 30');
});

test('an Event that can not be stored is logged, and fails nobody', async t => {
  await using world = await setUp();
  const lines: string[] = [];
  const log = {
    debug() {},
    info() {},
    warn() {},
    error: (_: object, message: string) => void lines.push(message),
    child: () => log,
  };
  const storage = {...world.storage, create: () => Promise.reject(new Error('disk full'))};
  const recorder = createEventRecorder({
    storage,
    clock: world.clock,
    component: 'x',
    log,
  });
  await t.notThrowsAsync(recorder.record(started));
  t.deepEqual(lines, ['An event could not be stored']);
});

test('a Conflict is tried once more', async t => {
  await using world = await setUp();
  let refusals = 1;
  const recorder = world.create({
    update(kind, object) {
      if (refusals > 0) {
        refusals -= 1;
        return Promise.reject(new StorageError('Conflict', 'changed'));
      }

      return world.storage.update(kind, object);
    },
  });
  await recorder.record(started);
  await recorder.record(started);
  t.deepEqual(
    (await world.events()).map(({count}) => count),
    [2],
  );
});

test('when too many wait to be stored, the rest are dropped and said to be', async t => {
  await using world = await setUp();
  const warnings: object[] = [];
  const log = {
    debug() {},
    info() {},
    error() {},
    warn: (fields: object) => void warnings.push(fields),
    child: () => log,
  };
  const recorder = createEventRecorder({
    storage: world.storage,
    clock: world.clock,
    component: 'x',
    log,
  });
  await Promise.all(Array.from({length: 1005}, () => recorder.record(started)));
  t.deepEqual(
    (await world.events()).map(({count}) => count),
    [1000],
  );
  t.is(warnings.length, 5);
});

test('any name makes a valid Event, and a long message is cut', async t => {
  await using world = await setUp();
  const recorder = world.create();
  for (const name of ['', '-', 'ä/../$(x)', 'x'.repeat(300), 'Größe']) {
    await recorder.record({...started, regarding: {kind: 'Workspace', name}, message: 'x'.repeat(5000)});
  }

  const events = await world.events();
  t.is(events.length, 5);
  t.true(events.every(({message}) => message.length === 1024));
});
