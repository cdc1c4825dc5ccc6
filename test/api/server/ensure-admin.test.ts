import {chmod, mkdtemp, readdir, readFile, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {systemClock as clock} from '../../../api/effects/clock.ts';
import {systemRandom as random} from '../../../api/effects/random.ts';
import {ensureAdmin} from '../../../api/server/ensure-admin.ts';
import {createTokens} from '../../../api/server/tokens.ts';
import {openSqliteStorage} from '../../../api/storage/sqlite/sqlite-storage.ts';

async function setUp() {
  const directory = await mkdtemp(join(tmpdir(), 'nexus-admin-'));
  const storage = await openSqliteStorage({path: ':memory:', clock, random});
  const path = join(directory, 'admin-token');
  return {
    path,
    directory,
    storage,
    tokens: createTokens({storage, clock, random}),
    ensure: (into = storage) => ensureAdmin({storage: into, path, clock, random}),
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]();
      await rm(directory, {recursive: true});
    },
  };
}

test('the first start makes an admin, and its token in a file for nobody else', async t => {
  await using s = await setUp();
  const {token, created} = await s.ensure();
  t.true(created);
  t.is((await readFile(s.path, 'utf8')).trim(), token);
  t.is((await stat(s.path)).mode & 0o777, 0o600);
  t.deepEqual(await readdir(s.directory), ['admin-token']);
  t.deepEqual((await s.tokens.identify(token))?.caller, {name: 'admin', role: 'admin'});
  t.notRegex(JSON.stringify(await s.tokens.list('admin')), new RegExp(token));
});

test('a later start changes nothing, but mends the mode of the file', async t => {
  await using s = await setUp();
  const {token} = await s.ensure();
  await chmod(s.path, 0o644);
  t.deepEqual(await s.ensure(), {token, created: false});
  t.is((await stat(s.path)).mode & 0o777, 0o600);
  t.is((await s.tokens.list('admin')).length, 1);
});

test('a file that was lost is made anew, and the lost token dies', async t => {
  await using s = await setUp();
  const {token: lost} = await s.ensure();
  await rm(s.path);
  const {token, created} = await s.ensure();
  t.true(created);
  t.not(token, lost);
  t.is(await s.tokens.identify(lost), undefined);
  t.is((await s.tokens.identify(token))?.caller.name, 'admin');
});

test('a store that was lost takes the token of the file again', async t => {
  await using s = await setUp();
  const {token} = await s.ensure();
  await using fresh = await openSqliteStorage({path: ':memory:', clock, random});
  t.deepEqual(await s.ensure(fresh), {token, created: false});
  t.is((await createTokens({storage: fresh, clock, random}).identify(token))?.caller.name, 'admin');
});
