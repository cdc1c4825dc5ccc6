import test from 'ava';
import type {NodeDriver} from '../../agent/node-driver.ts';
import {createPresentDriver} from '../../agent/present-driver.ts';
import {createFakeDriver} from '../fakes/fake-driver.ts';
import {createManualClock} from '../fakes/manual-clock.ts';

function start() {
  const clock = createManualClock();
  let place: string | undefined;
  let opened = 0;
  const driver = createPresentDriver({
    kind: {provider: 'docker', title: 'Docker'},
    clock,
    find: async () => place,
    open(at): NodeDriver {
      opened += 1;
      const fake = createFakeDriver({clock});
      return {
        ...fake,
        place: at,
        probeBackend: fake.probe,
        imagePresent: async () => true,
        importImage: async () => {},
        purge: async () => {},
      };
    },
  });
  return {
    clock,
    driver,
    opened: () => opened,
    install() {
      place = '/run/docker.sock';
    },
  };
}

test('a backend that is not there is told to be absent, and every call says so', async t => {
  const {driver} = start();
  t.false(driver.presence?.present);
  t.is(driver.transfer, undefined);
  t.like(await driver.probe(), {ready: false, message: 'there is no Docker on this machine'});
  await t.throwsAsync(driver.observe(), {name: 'DriverError', message: /no Docker on this machine/});
  await t.throwsAsync(driver.purge(), {name: 'DriverError'});
});

test('a backend that appears later is noticed, and opened once', async t => {
  const {clock, driver, install, opened} = start();
  const waiting = driver.presence?.wait(new AbortController().signal);
  await clock.advance(5000);
  t.is(opened(), 0);
  install();
  await clock.advance(5000);
  await waiting;
  t.true(driver.presence?.present);
  t.deepEqual(await driver.observe(), []);
  await Promise.all([driver.look(), driver.probe(), driver.observe()]);
  t.is(opened(), 1);
  t.is(driver.place, '/run/docker.sock');
  t.is(typeof driver.transfer?.export, 'function', 'what only some drivers can is passed on');
});

test('events begin once the backend is there', async t => {
  const {clock, driver, install} = start();
  const stopping = new AbortController();
  const first = driver.events(stopping.signal)[Symbol.asyncIterator]().next();
  await clock.advance(5000);
  install();
  await clock.advance(5000);
  t.deepEqual((await first).value, {uid: undefined});
  stopping.abort();
});

test('waiting ends with the signal', async t => {
  const {driver} = start();
  const stopping = new AbortController();
  const waiting = driver.presence?.wait(stopping.signal);
  stopping.abort(new Error('enough'));
  await t.throwsAsync(async () => await waiting, {message: /enough|abort/i});
});
