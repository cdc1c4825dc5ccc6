import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {Readable} from 'node:stream';
import test from 'ava';
import {DriverError} from '../../agent/driver.ts';
import {feedProgram} from '../../agent/feed-program.ts';

const {signal} = new AbortController();

function program(script: string) {
  const child = spawn('sh', ['-c', script], {stdio: ['pipe', 'ignore', 'ignore']});
  child.stdin.on('error', () => {});
  const failure = once(child, 'close').then(([code]) =>
    code === 0 ? undefined : new DriverError('NoSpace', `it ended with ${code}`),
  );
  return {child, stdin: child.stdin, failure};
}

/** Far more than fits between a program that does not read and who writes. */
function much(): Readable {
  return Readable.from(Array.from({length: 64}, () => Buffer.alloc(2 ** 16)));
}

test('a program that has read all and ended well is all right', async t => {
  await t.notThrowsAsync(feedProgram(much(), program('cat'), signal));
});

test('one that ended well without all of its input has not done what it should', async t => {
  await t.throwsAsync(feedProgram(much(), program('head -c 100'), signal), {
    message: /did not read its input/,
  });
});

for (const [what, script] of [
  ['ends in the midst of its input', 'head -c 100; exit 3'],
  ['ends before it has read any', 'exit 3'],
  ['has read all and is not content', 'cat; exit 3'],
] as const) {
  test(`a program that ${what} says why`, async t => {
    await t.throwsAsync(feedProgram(much(), program(script), signal), {message: 'it ended with 3'});
  });
}

test('input that does not arrive is why, whatever the program makes of what it has', async t => {
  const {child, ...fed} = program('cat; exit 3');
  t.teardown(() => child.kill('SIGKILL'));
  const broken = Readable.from(
    (async function* () {
      yield Buffer.alloc(10);
      throw new Error('the wire was cut');
    })(),
  );
  await t.throwsAsync(feedProgram(broken, fed, signal), {
    instanceOf: DriverError,
    message: /did not arrive: the wire was cut/,
  });
});

test('it is given up when the signal says so, and the input is let go', async t => {
  const {child, ...fed} = program('sleep 600');
  t.teardown(() => child.kill('SIGKILL'));
  const abort = new AbortController();
  const content = much();
  const feeding = feedProgram(content, fed, abort.signal);
  abort.abort();
  const error = await t.throwsAsync(feeding, {instanceOf: DriverError});
  t.is(error?.code, 'TimedOut');
  t.true(content.destroyed);
});
