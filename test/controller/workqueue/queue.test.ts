import test from 'ava';
import fc from 'fast-check';
import {createQueue} from '../../../controller/workqueue/queue.ts';

test('keys are taken in the order they were added', async t => {
  const queue = createQueue();
  queue.add('b');
  queue.add('a');
  t.is(await queue.take(), 'b');
  t.is(await queue.take(), 'a');
});

test('a key that is added many times before it is taken is taken once', async t => {
  const queue = createQueue();
  queue.add('a');
  queue.add('a');
  t.is(queue.length, 1);
  t.is(await queue.take(), 'a');
  t.is(queue.length, 0);
});

test('a key that is added while a worker has it waits until it is done', async t => {
  const queue = createQueue();
  queue.add('a');
  await queue.take();
  queue.add('a');
  queue.add('a');
  t.is(queue.length, 0);
  queue.done('a');
  t.is(queue.length, 1);
  t.is(await queue.take(), 'a');
  queue.done('a');
  t.is(queue.length, 0);
});

test('a worker that waits gets the next key', async t => {
  const queue = createQueue();
  const taken = queue.take();
  queue.add('a');
  t.is(await taken, 'a');
});

test('shutting down drops what waits, frees the workers and waits for what is taken', async t => {
  const queue = createQueue();
  queue.add('a');
  await queue.take();
  queue.add('b');
  queue.add('a');
  queue.shutDown();
  let drained = false;
  const draining = queue.drained().then(() => {
    drained = true;
  });
  t.is(await queue.take(), undefined);
  queue.add('c');
  t.is(queue.length, 0);
  t.false(drained);
  queue.done('a');
  await draining;
  t.is(queue.length, 0);
  t.is(await queue.take(), undefined);
});

test('workers that wait are told of the shut-down', async t => {
  const queue = createQueue();
  const taken = [queue.take(), queue.take()];
  queue.shutDown();
  t.deepEqual(await Promise.all(taken), [undefined, undefined]);
  await t.notThrowsAsync(queue.drained());
});

test('what is done twice, or was never taken, changes nothing', async t => {
  const queue = createQueue();
  queue.done('a');
  queue.add('a');
  await queue.take();
  queue.done('a');
  queue.done('a');
  t.is(queue.length, 0);
});

type Step = {readonly type: 'add' | 'take' | 'done'; readonly key: string};

test('whatever happens, no key is with two workers, and every addition is followed by a taking', async t => {
  const step = fc.record({
    type: fc.constantFrom('add', 'take', 'done') satisfies fc.Arbitrary<Step['type']>,
    key: fc.constantFrom('a', 'b', 'c', 'd'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, {maxLength: 60}), async steps => {
      const queue = createQueue();
      const working = new Set<string>();
      /** Keys whose last addition has not been followed by a taking. */
      const owed = new Set<string>();
      const take = async () => {
        const key = await queue.take();
        if (key !== undefined) {
          t.false(working.has(key));
          working.add(key);
          owed.delete(key);
        }
      };
      for (const {type, key} of steps) {
        if (type === 'add') {
          queue.add(key);
          owed.add(key);
        } else if (type === 'take' && queue.length > 0) {
          await take();
        } else if (type === 'done' && working.delete(key)) {
          queue.done(key);
        }
      }
      for (const key of [...working]) {
        working.delete(key);
        queue.done(key);
      }
      while (queue.length > 0) {
        await take();
      }
      t.deepEqual([...owed], []);
    }),
  );
});
