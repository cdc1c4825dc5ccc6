import test from 'ava';
import fc from 'fast-check';
import {systemClock} from '../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import type {MovableStore} from '../../../../api/storage/moving/movable-store.ts';
import type {MoveStep} from '../../../../api/storage/moving/move-store.ts';
import {MoveRefused, moveStore} from '../../../../api/storage/moving/move-store.ts';
import {checkUsable} from '../../../../api/storage/moving/store-mark.ts';
import type {StoreRecord} from '../../../../api/storage/moving/store-record.ts';
import {recordKey} from '../../../../api/storage/moving/store-record.ts';
import type {FakeStore} from './fake-store.ts';
import {createFakeStore, Killed} from './fake-store.ts';
import {contentOfStore, inOrder, storeRecords} from './sample-records.ts';

const move = (source: MovableStore, destination: MovableStore, onStep?: (step: MoveStep) => void) =>
  moveStore({
    source,
    destination,
    clock: systemClock,
    random: systemRandom,
    signal: new AbortController().signal,
    ...(onStep === undefined ? {} : {onStep}),
  });

/** Whether a server would run on it. */
async function isUsable(store: MovableStore): Promise<boolean> {
  try {
    checkUsable(await store.mark(), store.place);
    return (await contentOfStore(store)).length > 0;
  } catch {
    return false;
  }
}

const someRecords = (count: number): readonly StoreRecord[] => {
  const [sample = []] = fc.sample(storeRecords(count), {numRuns: 1, seed: 7});
  return sample;
};

const aFew = fc.sample(
  storeRecords(12).filter(records => records.length > 3),
  {numRuns: 1, seed: 1},
)[0] as readonly StoreRecord[];

type Kill = {
  readonly side: 'source' | 'destination';
  readonly after: number;
  readonly heard: boolean;
  readonly edits: number;
};

const kill: fc.Arbitrary<Kill> = fc.record({
  side: fc.constantFrom('source', 'destination'),
  after: fc.nat({max: 20}),
  heard: fc.boolean(),
  edits: fc.nat({max: 3}),
});

test('killed at any write, however often, and with work going on in between, a move ends the same: all is there, and in use in one place', async t => {
  await fc.assert(
    fc.asyncProperty(
      storeRecords(8),
      storeRecords(3),
      fc.array(kill, {maxLength: 6}),
      async (records, others, kills) => {
        const source = createFakeStore('here', records);
        const destination = createFakeStore('there');
        await source.raiseEpoch(41);
        for (const each of kills) {
          const victim = each.side === 'source' ? source : destination;
          victim.killAfter(each.after, each.heard);
          await move(source, destination).catch((error: unknown) => {
            if (!(error instanceof Killed)) throw error;
          });
          source.killAfter(Number.POSITIVE_INFINITY, true);
          destination.killAfter(Number.POSITIVE_INFINITY, true);
          const inUse = [await isUsable(source), await isUsable(destination)].filter(Boolean).length;
          t.true(inUse <= 1);
          if (await isUsable(source)) edit(source, others.slice(0, each.edits), each.after);
          if (!(await isWhole(source, destination))) t.fail('something is in neither');
        }

        const expected = await contentOfStore(source);
        await move(source, destination);
        t.deepEqual(await contentOfStore(destination), expected);
        t.is((await destination.mark())?.phase, 'InUse');
        t.is((await source.mark())?.phase, 'Moved');
        t.deepEqual(await contentOfStore(source), expected, 'the source keeps what it had');
        t.is(await destination.epoch(), 41);
        t.true((await move(source, destination)).already, 'and once more changes nothing');
      },
    ),
    {numRuns: 200},
  );
});

/** Whether a server can still be started, or the same command run again: the source is in use, or the destination has all of it. */
async function isWhole(source: FakeStore, destination: FakeStore): Promise<boolean> {
  const mark = await source.mark();
  if (mark?.phase !== 'Moved') return true;
  const [here, there] = [await contentOfStore(source), await contentOfStore(destination)];
  return JSON.stringify(here) === JSON.stringify(there);
}

/** Some come, some change, one goes. */
function edit(store: FakeStore, others: readonly StoreRecord[], index: number): void {
  store.edit(records => {
    for (const other of others) records.set(recordKey(other), other);
    const key = [...records.keys()][index];
    if (key !== undefined && others.length > 1) records.delete(key);
  });
}

test('it goes there and back, and there again', async t => {
  const first = createFakeStore('first', aFew);
  const second = createFakeStore('second');
  await move(first, second);
  edit(second, someRecords(5), 0);
  const changed = await contentOfStore(second);
  await move(second, first);
  t.deepEqual(await contentOfStore(first), changed);
  t.false(await isUsable(second));
  await move(first, second);
  t.deepEqual(await contentOfStore(second), changed);
  t.false(await isUsable(first));
});

test('a destination that holds something else is refused, and neither store is touched', async t => {
  const source = createFakeStore('here', aFew);
  const destination = createFakeStore('there', aFew.slice(0, 1));
  const error = await t.throwsAsync(move(source, destination), {instanceOf: MoveRefused});
  t.regex(error.message, /here can't be moved to there: the destination already holds 1 \w+/);
  t.is(await source.mark(), undefined);
  t.is(await destination.mark(), undefined);
});

test('what was moved to one place is not moved to another, nor over what came from elsewhere', async t => {
  const [first, second, third] = ['first', 'second', 'third'].map(place => createFakeStore(place)) as [
    FakeStore,
    FakeStore,
    FakeStore,
  ];
  edit(first, aFew, 99);
  await move(first, second);
  await t.throwsAsync(move(first, third), {
    message: /it was moved to second at .*: that is the store to move now/,
  });
  await move(second, third);
  await t.throwsAsync(move(third, first), {
    message: /the destination holds a store that was moved to second/,
  });
  t.true(await isUsable(third));
});

test('half of a move is overwritten by another one, whose source is as whole as the first', async t => {
  const first = createFakeStore('first', aFew);
  const other = createFakeStore('other', aFew.slice(1));
  const destination = createFakeStore('there');
  destination.killAfter(2, true);
  await t.throwsAsync(move(first, destination), {instanceOf: Killed});
  destination.killAfter(Number.POSITIVE_INFINITY, true);
  await move(other, destination);
  t.deepEqual(await contentOfStore(destination), inOrder(aFew.slice(1)));
  await t.throwsAsync(move(first, destination), {instanceOf: MoveRefused});
  t.true(await isUsable(first));
});

test("all of a move that only waits to be put into use is nobody else's to overwrite", async t => {
  const first = createFakeStore('first', aFew);
  const other = createFakeStore('other', aFew.slice(1));
  const destination = createFakeStore('there');
  // Incoming, each record, the epoch, Arrived: the next one is killed.
  destination.killAfter(aFew.length + 3, true);
  await t.throwsAsync(move(first, destination), {instanceOf: Killed});
  destination.killAfter(Number.POSITIVE_INFINITY, true);
  t.false((await isUsable(first)) || (await isUsable(destination)));
  await t.throwsAsync(move(other, destination), {
    message: /holds all of first, whose own move is not finished/,
  });
  await move(first, destination);
  t.true(await isUsable(destination));
});

test('what somebody writes to the source while it is copied is copied, too', async t => {
  const source = createFakeStore('here', aFew.slice(1));
  const destination = createFakeStore('there');
  const steps: string[] = [];
  await move(source, destination, ({type}) => {
    if (steps.at(-1) !== type) steps.push(type);
    if (type === 'Copying') edit(source, aFew, 99);
  });
  t.deepEqual(steps, ['Copying', 'Again', 'Copying', 'Switching']);
  t.deepEqual(await contentOfStore(destination), inOrder(aFew));
});

test('a destination that does not keep what it is given never takes the place of its source', async t => {
  const source = createFakeStore('here', aFew);
  const kept = createFakeStore('there');
  const forgetful: MovableStore = {...kept, async receive() {}};
  await t.throwsAsync(move(source, forgetful), {
    message: /there .*does not give back what was written|written to all the time/,
  });
  t.true(await isUsable(source));
});
