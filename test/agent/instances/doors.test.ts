import {PassThrough} from 'node:stream';
import test from 'ava';
import {createDoors} from '../../../agent/instances/doors.ts';
import type {Entry} from '../../../agent/instances/entry.ts';
import {emptyRecord} from '../../../agent/instances/instance-record.ts';
import type {OperationKind} from '../../../api/agent/v1alpha1/instance.ts';

const never = new AbortController().signal;

/** One instance and its doors; `begin` an operation on it, or end it with none. */
function house() {
  const entry: Entry = {
    uid: 'u',
    record: emptyRecord('u', 'lxc'),
    observed: undefined,
    observedAt: 0,
    absentSince: undefined,
    savedRun: undefined,
    sshReady: false,
    operation: undefined,
    failures: new Map(),
    forwards: [],
    services: [],
    revision: 0,
  };
  const doors = createDoors(uid => (uid === 'u' ? entry : undefined));
  const begin = (kind?: OperationKind) => {
    entry.operation =
      kind === undefined
        ? undefined
        : {kind, startedAt: 0, abort: new AbortController(), finished: Promise.resolve()};
    doors.follow(entry);
  };
  return {doors, begin};
}

for (const kind of ['Stop', 'Delete'] as const) {
  test(`nobody comes in from the beginning of a ${kind} to its end, and a connection from before is cut`, async t => {
    const {doors, begin} = house();
    const streams: PassThrough[] = [];
    const dial = doors.guard(async () => {
      const stream = new PassThrough();
      streams.push(stream);
      return stream;
    });
    const before = await dial('u', 22, never);
    const passed = doors.pass('u');
    begin(kind);
    t.true(before.destroyed);
    t.true(passed.aborted);
    await t.throwsAsync(dial('u', 22, never), {code: 'NotPermittedNow', message: /being stopped/});
    t.throws(() => doors.pass('u'), {code: 'NotPermittedNow'});
    t.is(streams.length, 1);

    begin();
    t.false((await dial('u', 22, never)).destroyed);
    t.false(doors.pass('u').aborted);
  });
}

test('a connection that is just being made when the doors are shut comes to nothing', async t => {
  const {doors, begin} = house();
  const stream = new PassThrough();
  const made = Promise.withResolvers<PassThrough>();
  let given: AbortSignal | undefined;
  const dialling = doors.guard((_uid, _port, signal) => {
    given = signal;
    return made.promise;
  })('u', 22, never);
  begin('Stop');
  t.true(given?.aborted);
  made.resolve(stream);
  await dialling;
  t.true(stream.destroyed);
});

test('whoever is on the way in when the doors are shut is turned back, and waited for', async t => {
  const {doors, begin} = house();
  const begun = Promise.withResolvers<string>();
  let given: AbortSignal | undefined;
  const entering = doors.enter('u', shut => {
    given = shut;
    return begun.promise;
  });
  t.false(given?.aborted);
  begin('Stop');
  t.true(given?.aborted);
  await t.throwsAsync(
    doors.enter('u', async () => 'late'),
    {code: 'NotPermittedNow'},
  );

  let isCleared = false;
  const cleared = doors.cleared('u', never).then(() => {
    isCleared = true;
  });
  await t.throwsAsync(doors.cleared('u', AbortSignal.abort(new Error('took too long'))), {
    message: 'took too long',
  });
  t.false(isCleared);
  const abort = new AbortController();
  const givenUp = doors.cleared('u', abort.signal);
  abort.abort(new Error('given up'));
  await t.throwsAsync(givenUp, {message: 'given up'});
  t.false(isCleared);
  begun.resolve('begun');
  t.is(await entering, 'begun');
  await cleared;
  t.true(isCleared);
});

test('whoever is in before the doors are shut is not turned back any more', async t => {
  const {doors, begin} = house();
  let given: AbortSignal | undefined;
  await doors.enter('u', async shut => {
    given = shut;
  });
  begin('Stop');
  t.false(given?.aborted);
  await doors.cleared('u', never);
});

test('other operations disturb nobody', async t => {
  const {doors, begin} = house();
  const stream = await doors.guard(async () => new PassThrough())('u', 22, never);
  begin('Setup');
  begin();
  t.false(stream.destroyed);
  t.false(doors.pass('u').aborted);
});
