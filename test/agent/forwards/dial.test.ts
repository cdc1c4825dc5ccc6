import {PassThrough} from 'node:stream';
import test from 'ava';
import type {Connect} from '../../../agent/forwards/dial.ts';
import {createDial} from '../../../agent/forwards/dial.ts';
import type {Guest} from '../../../agent/guest/guest.ts';
import {generateHostKey} from '../../../agent/instances/host-key.ts';
import {createMemoryRecordStore} from '../../../agent/instances/record-store.ts';
import {createRecordWriter} from '../../../agent/instances/record-writer.ts';
import {createRegistry} from '../../../agent/instances/registry.ts';
import {RefusedError} from '../../../agent/probe.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {createFakeDriver} from '../../fakes/fake-driver.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';
import {spec, uid} from '../agent-harness.ts';

const signal = new AbortController().signal;
const unused = () => Promise.reject(new Error('not to be called'));
const guestThat = (connect: Guest['connect']): Guest => ({
  clone: unused,
  fetch: unused,
  inspect: unused,
  setEnvironment: unused,
  setup: unused,
  cancelSetup: unused,
  services: unused,
  logs: unused,
  connect,
});

/** An instance that exists, and a dial that counts on `connect` for what the node can reach. */
async function scene(connect: Connect, options: {running: boolean; inside?: Guest['connect']}) {
  const clock = createManualClock();
  const driver = createFakeDriver({clock});
  const registry = createRegistry({
    clock,
    log: silentLogger,
    drivers: [driver],
    records: createRecordWriter(createMemoryRecordStore(), silentLogger),
    restored: [],
  });
  await driver.create({spec: spec(), hostKey: generateHostKey()});
  if (options.running) {
    await driver.start(uid);
  }
  await registry.observeAll(driver);
  const dial = createDial({clock, registry, connect, guest: guestThat(options.inside ?? unused)});
  return {clock, driver, registry, dial};
}

const refused: Connect = () => Promise.reject(new RefusedError('nothing listens'));

test('a port is reached at the address of the instance', async t => {
  const stream = new PassThrough();
  const asked: unknown[] = [];
  const {dial, registry} = await scene(
    async (address, port) => {
      asked.push([address, port]);
      return stream;
    },
    {running: true},
  );
  t.is(await dial(uid, 3000, signal), stream);
  t.deepEqual(asked, [[registry.find(uid)?.observed?.address, 3000]]);
});

test('a port that is refused there is tried on the loopback inside', async t => {
  const stream = new PassThrough();
  const {dial} = await scene(refused, {running: true, inside: async () => stream});
  t.is(await dial(uid, 3000, signal), stream);
});

test('a port that does not answer is not tried inside', async t => {
  const {dial} = await scene(() => Promise.reject(new Error('no answer')), {running: true});
  await t.throwsAsync(dial(uid, 3000, signal), {code: 'NotPermittedNow', message: /can't be reached/});
});

test('only ssh waits for an instance that was just made, and for its sshd', async t => {
  const stream = new PassThrough();
  let listening = false;
  const {clock, driver, registry, dial} = await scene(
    async () => {
      if (!listening) {
        throw new RefusedError('nothing listens');
      }
      return stream;
    },
    {running: false},
  );
  await t.throwsAsync(dial(uid, 3000, signal), {message: /not running/});
  const ssh = dial(uid, 22, signal);
  await clock.advance(1000);
  await driver.start(uid);
  await registry.observeAll(driver);
  await clock.advance(1000);
  listening = true;
  await clock.advance(100);
  t.is(await ssh, stream);
});

test('ssh to an instance that was stopped is refused at once, and to one whose sshd never answers in the end', async t => {
  const {clock, driver, registry, dial} = await scene(refused, {running: true});
  const hopeless = t.throwsAsync(dial(uid, 22, signal), {message: /sshd does not answer/});
  await clock.advance(11_000);
  await hopeless;
  await driver.stop(uid, {force: true, timeout: 0});
  await registry.observeAll(driver);
  await t.throwsAsync(dial(uid, 22, signal), {message: /not running/});
});

test('a client that goes away ends the wait', async t => {
  const {clock, dial} = await scene(refused, {running: true});
  const stop = new AbortController();
  const waiting = t.throwsAsync(dial(uid, 22, stop.signal), {message: 'gone'});
  await clock.advance(100);
  stop.abort(new Error('gone'));
  await waiting;
});

test('an attempt at ssh that gets no answer is given up for another, which may reach what has come up meanwhile', async t => {
  const stream = new PassThrough();
  let attempts = 0;
  const {clock, dial} = await scene(
    async (_address, _port, given) => {
      attempts += 1;
      if (attempts > 1) {
        return stream;
      }
      const {promise, reject} = Promise.withResolvers<never>();
      given.addEventListener('abort', () => reject(given.reason), {once: true});
      return await promise;
    },
    {running: true},
  );
  const ssh = dial(uid, 22, signal);
  await clock.advance(500);
  t.is(await ssh, stream);
});
