import test from 'ava';
import {createMergedEvents} from '../../agent/merged-events.ts';

const take = async (events: AsyncIterator<{readonly uid?: string | undefined}>) =>
  (await events.next()).value?.uid;

test('a slow reader gets one event an instance, and one for all when any may have changed', async t => {
  const {tell, events} = createMergedEvents(new AbortController().signal);
  const reader = events()[Symbol.asyncIterator]();
  tell('before it reads');
  t.deepEqual(await reader.next(), {done: false, value: {uid: undefined}});
  for (const uid of ['a', 'b', 'a', 'b', 'a']) tell(uid);
  t.is(await take(reader), 'a');
  tell('a');
  t.is(await take(reader), 'b');
  t.is(await take(reader), 'a');
  tell('b');
  tell(undefined);
  t.deepEqual(await reader.next(), {done: false, value: {uid: undefined}});
  const next = take(reader);
  tell('c');
  t.is(await next, 'c');
});

for (const [title, end] of [
  ['closed', ({close}: ReturnType<typeof createMergedEvents>) => close()],
  ['aborted', (_: unknown, abort: AbortController) => abort.abort()],
] as const) {
  test(`a reader that waits is let go when they are ${title}, and so is one who comes later`, async t => {
    const abort = new AbortController();
    const merged = createMergedEvents(abort.signal);
    const reader = merged.events()[Symbol.asyncIterator]();
    await reader.next();
    const waiting = reader.next();
    end(merged, abort);
    t.true((await waiting).done);
    t.true((await merged.events()[Symbol.asyncIterator]().next()).done);
  });
}
