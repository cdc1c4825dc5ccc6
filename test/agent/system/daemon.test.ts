import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {mkdir} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import {agentStatus, stopAgent} from '../../../agent/main.ts';
import {agentHome} from '../../../agent/system/agent-home.ts';
import {connectToDaemon, stopDaemon} from '../../../agent/system/daemon-client.ts';
import {takeProcessLock} from '../../../agent/system/process-lock.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {createChildProcessConnection} from '../../../controller/agent-client/child-process-connection.ts';

const program = join(import.meta.dirname, '../agent-program.ts');

/** A home whose agent finds no backend, which is no reason for it not to serve. */
async function homeFor(t: ExecutionContext): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'nexus-daemon-'));
  await mkdir(join(home, 'agent'), {mode: 0o700});
  writeFileSync(join(home, 'agent/config.json'), JSON.stringify({socket: join(home, 'nowhere.sock')}));
  writeFileSync(join(home, 'installation'), 'abcdef\n');
  t.teardown(async () => {
    await stopAgent(home);
    rmSync(home, {recursive: true, force: true});
  });
  return home;
}

async function hello(home: string) {
  const connection = await createChildProcessConnection(
    {command: [process.execPath, program, home, '--stdio'], clock: systemClock, log: silentLogger},
    new AbortController().signal,
  );
  const {node} = await connection.request('initialize', {
    protocolVersion: 1,
    role: 'controller',
    epoch: 1,
    installation: 'abcdef',
    node: 'local',
  });
  return {node, [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose]()};
}

test('many relays that start at once share one daemon, behind a socket for its owner only', async t => {
  const home = await homeFor(t);
  const relays = await Promise.all(Array.from({length: 3}, () => hello(home)));
  t.is(new Set(relays.map(({node}) => node.bootId)).size, 1);
  t.like(relays[0]?.node, {agentVersion: '0.0.0-test'});
  t.false(relays[0]?.node.providers[0]?.ready);
  const status = await agentStatus(home);
  t.true(status.running);
  t.is(statSync(status.socket).mode & 0o777, 0o600);
  t.is(statSync(join(home, 'agent')).mode & 0o777, 0o700);
  await Promise.all(relays.map(relay => relay[Symbol.asyncDispose]()));
  t.true((await agentStatus(home)).running);
});

test('a daemon that was killed leaves nothing that keeps the next from starting', async t => {
  const home = await homeFor(t);
  await (await hello(home))[Symbol.asyncDispose]();
  const before = await agentStatus(home);
  t.true(before.running);
  const pid = before.running ? (before.pid ?? 0) : 0;
  process.kill(pid, 'SIGKILL');
  await (await hello(home))[Symbol.asyncDispose]();
  const after = await agentStatus(home);
  t.true(after.running && after.pid !== pid);
});

test('a daemon that can not start says why', async t => {
  const home = await homeFor(t);
  writeFileSync(join(home, 'agent/config.json'), '{"listen": 5}');
  const error = await t.throwsAsync(
    connectToDaemon(agentHome(home), [process.execPath, program, home, '--daemon']),
  );
  t.regex(error?.message ?? '', /did not start/);
  t.regex(error?.message ?? '', /config\.json is not valid/);
  t.false((await agentStatus(home)).running);
});

test('whichever daemon takes the place of the one that is stopped is stopped, too', async t => {
  const home = agentHome(await homeFor(t));
  const lock = takeProcessLock(home.lockFile);
  t.truthy(lock);
  const [first, second] = [spawn('sleep', ['600']), spawn('sleep', ['600'])];
  t.teardown(() => [first, second].map(each => each.kill('SIGKILL')));
  writeFileSync(home.pidFile, `${first.pid}\n`);
  first.once('exit', () => writeFileSync(home.pidFile, `${second.pid}\n`));
  second.once('exit', () => lock?.[Symbol.dispose]());
  t.true(await stopDaemon(home));
  t.is(second.signalCode, 'SIGTERM');
});

test('stopping what does not run is no fault', async t => {
  const home = await homeFor(t);
  t.false(await stopAgent(home));
});
