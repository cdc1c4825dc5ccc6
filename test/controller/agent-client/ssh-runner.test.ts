import {Duplex, PassThrough} from 'node:stream';
import test from 'ava';
import type {ClientChannel} from 'ssh2';
import {systemClock} from '../../../api/effects/clock.ts';
import {SshError} from '../../../controller/agent-client/ssh-error.ts';
import {createSshRunner} from '../../../controller/agent-client/ssh-runner.ts';
import type {SshSession} from '../../../controller/agent-client/ssh-session.ts';

const signal = new AbortController().signal;

/** A session whose one program has ended before anybody could listen to it, as happens when all of it comes in one packet. */
function endedSession(
  status: readonly unknown[],
  {closed = new AbortController().signal, stderr = ''}: {closed?: AbortSignal; stderr?: string} = {},
): SshSession {
  return {
    closed,
    async exec() {
      const errors = new PassThrough();
      errors.end(stderr);
      const channel = Object.assign(
        new Duplex({
          autoDestroy: false,
          emitClose: false,
          read() {
            this.push('out');
            this.push(null);
          },
          write: (_chunk, _encoding, done) => done(),
        }),
        {stderr: errors},
      );
      channel.emit('exit', ...status);
      channel.once('end', () => channel.emit('close', ...status));
      return channel as unknown as ClientChannel;
    },
    async [Symbol.asyncDispose]() {},
  };
}

test('a program that has ended before anybody listens is not taken for cut off', async t => {
  t.like(await createSshRunner(endedSession([3]), systemClock)(['x'], {signal}), {code: 3, stdout: 'out'});
  const killed = await createSshRunner(endedSession([null, 'SIGKILL']), systemClock)(['x'], {signal});
  t.is(killed.code, undefined);
});

test('a channel that ends without a word of how the program did is a lost connection, also when that is not known yet', async t => {
  await t.throwsAsync(createSshRunner(endedSession([]), systemClock)(['x'], {signal}), {
    code: 'ConnectionLost',
    message: /while x ran there/,
  });
  const closed = AbortSignal.abort(new SshError('ConnectionLost', 'the cable is out'));
  await t.throwsAsync(createSshRunner(endedSession([], {closed}), systemClock)(['x'], {signal}), {
    message: 'the cable is out',
  });
});

test('lines of standard error are told as they come, whole', async t => {
  const lines: string[] = [];
  const session = endedSession([0], {stderr: 'one\ntwo\nthree'});
  const {stderr} = await createSshRunner(session, systemClock)(['x'], {
    signal,
    onErrorLine: line => lines.push(line),
  });
  t.deepEqual(lines, ['one', 'two']);
  t.is(stderr, 'one\ntwo\nthree');
});
