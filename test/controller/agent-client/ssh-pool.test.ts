import test from 'ava';
import {SshError} from '../../../controller/agent-client/ssh-error.ts';
import {createSshPool} from '../../../controller/agent-client/ssh-pool.ts';
import type {SshSession} from '../../../controller/agent-client/ssh-session.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';

const never = new AbortController().signal;
const target = {
  host: '10.0.0.1',
  port: 22,
  user: 'root',
  hostKey: 'ssh-ed25519 AAAA',
  login: {privateKey: 'key'},
};

function setUp() {
  const clock = createManualClock();
  const opened: {readonly host: string; ended: boolean; lose(): void}[] = [];
  let refuse: Error | undefined;
  const pool = createSshPool({
    clock,
    async open({host}) {
      await undefined;
      if (refuse !== undefined) {
        throw refuse;
      }
      const closing = new AbortController();
      const entry = {host, ended: false, lose: () => closing.abort(new SshError('ConnectionLost', 'lost'))};
      opened.push(entry);
      const session: SshSession = {
        closed: closing.signal,
        exec: () => Promise.reject(new Error('not part of this test')),
        async [Symbol.asyncDispose]() {
          entry.ended = true;
          closing.abort(new SshError('ConnectionLost', 'ended'));
        },
      };
      return session;
    },
  });
  return {
    pool,
    clock,
    opened,
    refuse(error?: Error) {
      refuse = error;
    },
  };
}

test('all that goes on at a node shares one connection, and each node has its own', async t => {
  const {pool, opened} = setUp();
  await using _pool = pool;
  await using _one = await pool.lease('n1', target, never);
  await using _two = await pool.lease('n1', {...target}, never);
  const [_three, _four] = await Promise.all([
    pool.lease('n2', {...target, host: '10.0.0.2'}, never),
    pool.lease('n2', {...target, host: '10.0.0.2'}, never),
  ]);
  t.deepEqual(
    opened.map(({host}) => host),
    ['10.0.0.1', '10.0.0.2'],
  );
});

test('a connection that nobody uses is kept for a moment, then ended', async t => {
  const {pool, clock, opened} = setUp();
  await using _pool = pool;
  const lease = await pool.lease('n1', target, never);
  await lease[Symbol.asyncDispose]();
  await lease[Symbol.asyncDispose]();
  await clock.advance(9000);
  const again = await pool.lease('n1', target, never);
  await clock.advance(60_000);
  t.is(opened.length, 1);
  t.false(opened[0]?.ended);
  await again[Symbol.asyncDispose]();
  await clock.advance(10_000);
  t.true(opened[0]?.ended);
});

test('one that is lost, discarded, or to another address than declared now is not given out again', async t => {
  const {pool, clock, opened} = setUp();
  await using _pool = pool;
  await using _first = await pool.lease('n1', target, never);
  opened[0]?.lose();
  const second = await pool.lease('n1', target, never);
  t.is(opened.length, 2);
  second.discard();
  await using third = await pool.lease('n1', target, never);
  t.is(opened.length, 3);
  t.false(opened[1]?.ended, 'those who have it keep it');
  await second[Symbol.asyncDispose]();
  await clock.settle();
  t.true(opened[1]?.ended);
  await using _fourth = await pool.lease('n1', {...target, host: '10.0.0.9'}, never);
  t.is(opened[3]?.host, '10.0.0.9');
  await third[Symbol.asyncDispose]();
  await clock.settle();
  t.true(opened[2]?.ended);
});

test('who gives up waiting does not take the connection from the others', async t => {
  const {pool, opened} = setUp();
  await using _pool = pool;
  const hasty = new AbortController();
  const [first, second] = [pool.lease('n1', target, hasty.signal), pool.lease('n1', target, never)];
  hasty.abort(new Error('too slow'));
  await t.throwsAsync(first, {message: 'too slow'});
  await t.notThrowsAsync(second);
  t.is(opened.length, 1);
});

test('an attempt that failed is made anew by the next', async t => {
  const {pool, refuse} = setUp();
  await using _pool = pool;
  refuse(new SshError('Unreachable', 'no route'));
  await t.throwsAsync(pool.lease('n1', target, never), {message: 'no route'});
  refuse();
  await t.notThrowsAsync(pool.lease('n1', target, never));
});

test('with the pool all its connections end', async t => {
  const {pool, opened} = setUp();
  await pool.lease('n1', target, never);
  await pool.lease('n2', target, never);
  await pool[Symbol.asyncDispose]();
  t.true(opened.every(({ended}) => ended));
  await t.throwsAsync(pool.lease('n1', target, never));
});
