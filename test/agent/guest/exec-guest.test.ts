import {execFileSync, spawn} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import type {Driver} from '../../../agent/driver.ts';
import {createExecGuest} from '../../../agent/guest/exec-guest.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {createFakeDriver} from '../../fakes/fake-driver.ts';
import {serveGit} from './git-server.ts';

const signal = new AbortController().signal;
const password = 's3cret/with:odd@signs';

/** A guest whose instance is a folder of this machine: what is executed runs here, with that folder as home. */
function guestIn(t: ExecutionContext) {
  const root = mkdtempSync(join(tmpdir(), 'nexus-guest-'));
  t.teardown(() => rmSync(root, {recursive: true, force: true}));
  const home = join(root, 'home');
  mkdirSync(home);
  const driver: Driver = {
    ...createFakeDriver({clock: systemClock}),
    async exec(_uid, {command: [program = '', ...args], env, signal: given}) {
      const child = spawn(program, args, {
        env: {PATH: process.env.PATH, HOME: home, ...env},
        cwd: home,
        signal: given,
      });
      child.on('error', () => {});
      const exitCode = new Promise<number>(resolve => child.on('close', code => resolve(code ?? 137)));
      const {stdin, stdout, stderr} = child;
      return {stdin, stdout, stderr, exitCode, resize() {}, kill: name => void child.kill(name)};
    },
  };
  const bundles = {has: async () => false, put: async () => {}, open: async () => Readable.from([])};
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=A', '-c', 'user.email=a@example.com', ...args], {cwd: root});
  git('init', '-q', '-b', 'main', 'source');
  writeFileSync(join(root, 'source/file'), 'content');
  git('-C', 'source', 'add', '-A');
  git('-C', 'source', 'commit', '-qm', 'one');
  git('clone', '-q', '--bare', 'source', 'served/app.git');
  return {root, home, guest: createExecGuest({driverOf: () => driver, bundles, log: silentLogger})};
}

test('a private repository is cloned with a password that is kept nowhere', async t => {
  const {root, home, guest} = guestIn(t);
  using server = await serveGit(join(root, 'served'), `me:${password}`);
  const repository = {directory: 'app', url: `${server.url}/app.git`};
  const facts = await guest.clone(
    'u',
    {repository, credential: {type: 'password', username: 'me', password}},
    signal,
  );
  t.like(facts, {branch: 'main', unsaved: false});
  t.is(readFileSync(join(home, 'app/file'), 'utf8'), 'content');
  t.false(readFileSync(join(home, 'app/.git/config'), 'utf8').includes('s3cret'));
  t.deepEqual(readdirSync(home), ['app']);
  t.true((await guest.inspect('u', {directory: 'app', savedCommits: []}, signal)).unsaved === false);
});

test('a wrong password, or none, is an authentication failure that does not tell it', async t => {
  const {root, home, guest} = guestIn(t);
  using server = await serveGit(join(root, 'served'), `me:${password}`);
  const repository = {directory: 'app', url: `${server.url}/app.git`};
  const wrong = {type: 'password' as const, username: 'me', password: 'hunter2'};
  for (const credential of [{credential: wrong}, {}]) {
    const error = await t.throwsAsync(guest.clone('u', {repository, ...credential}, signal));
    t.like(error, {code: 'AuthenticationFailed'});
    t.false(error?.message.includes('hunter2'));
  }
  t.deepEqual(readdirSync(home), []);
});

test('a repository that is not there is told as such', async t => {
  const {root, guest} = guestIn(t);
  using server = await serveGit(join(root, 'served'), `me:${password}`);
  const repository = {directory: 'app', url: `${server.url}/other.git`};
  const credential = {type: 'password' as const, username: 'me', password};
  t.like(await t.throwsAsync(guest.clone('u', {repository, credential}, signal)), {
    code: 'RepositoryNotFound',
  });
});

test('new commits of a remote are fetched and merged', async t => {
  const {root, home, guest} = guestIn(t);
  using server = await serveGit(join(root, 'served'), `me:${password}`);
  const repository = {directory: 'app', url: `${server.url}/app.git`, branch: 'main'};
  const credential = {type: 'password' as const, username: 'me', password};
  await guest.clone('u', {repository, credential}, signal);
  writeFileSync(join(root, 'source/second'), '');
  execFileSync(
    'bash',
    [
      '-c',
      'git add -A && git -c user.name=A -c user.email=a@b commit -qm two && git push -q ../served/app.git main',
    ],
    {
      cwd: join(root, 'source'),
    },
  );
  const facts = await guest.fetch('u', {repository, credential}, signal);
  t.is(facts.notMerged, undefined);
  t.true(existsSync(join(home, 'app/second')));
});

test('a clone that is given up ends what it ran and leaves no clone', async t => {
  const {home, guest} = guestIn(t);
  const stop = new AbortController();
  const cloning = guest.clone(
    'u',
    {repository: {directory: 'app', url: 'http://192.0.2.1/app.git'}},
    stop.signal,
  );
  stop.abort(new Error('enough'));
  await t.throwsAsync(cloning, {message: 'enough'});
  t.false(existsSync(join(home, 'app')));
});
