import test from 'ava';
import {shareWork} from '../../../cli/agent-package/shared-work.ts';

const signal = new AbortController().signal;

test('all who wait get the one result, and so does who comes when it is there', async t => {
  let begun = 0;
  const work = shareWork(async () => {
    begun += 1;
    return 'result';
  });
  t.deepEqual(await Promise.all([work.result(signal), work.result(signal)]), ['result', 'result']);
  t.is(await work.result(signal), 'result');
  t.is(begun, 1);
  t.false(work.failed.aborted);
});

test('it is aborted once nobody waits any more, and not before', async t => {
  const [one, other] = [new AbortController(), new AbortController()];
  let given: AbortSignal | undefined;
  const work = shareWork(async shared => {
    given = shared;
    return await new Promise(() => {});
  });
  const results = [work.result(one.signal), work.result(other.signal)];
  one.abort(new Error('first'));
  await t.throwsAsync(results[0] ?? Promise.resolve(), {message: 'first'});
  t.false(given?.aborted);
  other.abort(new Error('second'));
  await t.throwsAsync(results[1] ?? Promise.resolve(), {message: 'second'});
  t.true(given?.aborted);
  t.true(work.failed.aborted);
});

test('a failure reaches all who wait, and says that there is nothing more to get', async t => {
  const work = shareWork(() => Promise.reject(new Error('no')));
  await Promise.all([
    t.throwsAsync(work.result(signal), {message: 'no'}),
    t.throwsAsync(work.result(signal), {message: 'no'}),
  ]);
  t.true(work.failed.aborted);
});
