import {on} from 'node:events';
import {createInterface} from 'node:readline';
import {PassThrough} from 'node:stream';
import test from 'ava';
import type {Driver} from '../../../agent/driver.ts';
import {openServiceSession} from '../../../agent/guest/service-session.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {createFakeDriver} from '../../fakes/fake-driver.ts';

/** The other end of a session, played by a test. */
function playedDriver() {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const ended = Promise.withResolvers<number>();
  const driver: Driver = {
    ...createFakeDriver({clock: systemClock}),
    async exec(_uid, {signal}) {
      signal?.addEventListener('abort', () => ended.resolve(137));
      return {
        stdin,
        stdout,
        stderr: new PassThrough(),
        exitCode: ended.promise,
        resize() {},
        kill: () => ended.resolve(137),
      };
    },
  };
  const lines = on(createInterface({input: stdin}), 'line');
  return {
    driver,
    say: (text: string) => void stdout.write(text),
    asked: async () => String((await lines.next()).value),
    end: (code: number) => ended.resolve(code),
  };
}

const signal = new AbortController().signal;

test('an image without systemd is told as such', async t => {
  const {driver, say} = playedDriver();
  const opening = openServiceSession(driver, 'u', signal);
  say('unsupported\n');
  t.like(await t.throwsAsync(opening, {message: /systemd/}), {code: 'Unsupported'});
});

test('answers find their questions in any order, in pieces', async t => {
  const {driver, say, asked} = playedDriver();
  const opening = openServiceSession(driver, 'u', signal);
  say('ready\n');
  await using host = await opening;
  const first = host.checkHttp({port: 80, path: '/'}, 1000);
  t.regex(await asked(), /^1 check_http 80 \/ 1\.000$/);
  const second = host.checkTcp(81, 1000);
  t.regex(await asked(), /^2 check_tcp 81$/);
  say(`done 2 1\npart 1 ${Buffer.from('HTTP/1.1 ').toString('base64')}\n`);
  await t.throwsAsync(second, {message: /check_tcp ended with exit code 1/});
  say(`part 1 ${Buffer.from('503 Busy\r').toString('base64')}\ndone 1 0\n`);
  t.is(await first, 503);
});

test('exits are passed on as they happen', async t => {
  const {driver, say} = playedDriver();
  const opening = openServiceSession(driver, 'u', signal);
  say('ready\n');
  await using host = await opening;
  const told = new Promise(resolve => host.onExit(resolve));
  say('exit web h i exit-code exited 3\n');
  t.like(await told, {name: 'web', invocation: 'i', exitCode: 3});
});

test('a session that is lost fails what waits for it and all that comes after', async t => {
  const {driver, say, asked, end} = playedDriver();
  const opening = openServiceSession(driver, 'u', signal);
  say('ready\n');
  const host = await opening;
  const waiting = host.units();
  await asked();
  end(1);
  await t.throwsAsync(waiting, {message: /ended \(exit code 1\)/});
  t.true(host.lost.aborted);
  await t.throwsAsync(host.checkTcp(80, 1000));
});

test('a session that is closed ends what runs in the instance', async t => {
  const {driver, say, asked} = playedDriver();
  const opening = openServiceSession(driver, 'u', signal);
  say('ready\n');
  const host = await opening;
  const waiting = host.units();
  await asked();
  await host[Symbol.asyncDispose]();
  await t.throwsAsync(waiting, {message: /was closed/});
});

test('a session that sends more than any answer has is ended, not remembered', async t => {
  for (const flood of ['x', `part 1 ${'A'.repeat(3000)}\n`]) {
    const {driver, say, asked} = playedDriver();
    const opening = openServiceSession(driver, 'u', signal);
    say('ready\n');
    await using host = await opening;
    const waiting = host.units();
    await asked();
    say(flood.repeat(Math.ceil(2_000_000 / flood.length)));
    await t.throwsAsync(waiting, {message: /more than it was asked for/});
    t.true(host.lost.aborted);
  }
});
