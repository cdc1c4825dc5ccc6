import {readdir, stat} from 'node:fs/promises';
import test from 'ava';
import Sqlite from 'better-sqlite3';
import {systemClock} from '../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import {openSqliteStorage} from '../../../../api/storage/sqlite/sqlite-storage.ts';
import {aWorkspace} from '../../../contracts/storage/samples.ts';
import {temporaryFolder} from './temporary-folder.ts';

const effects = {clock: systemClock, random: systemRandom};

test('a backup is whole while others write, and opens as a store', async t => {
  await using folder = await temporaryFolder();
  const backup = `${folder.path}/backup.db`;
  await using storage = await openSqliteStorage({path: `${folder.path}/store.db`, ...effects});
  for (let index = 0; index < 300; index += 1) {
    await storage.create('Workspace', aWorkspace(`w${index}`));
  }

  const copying = storage.backup(backup);
  for (let index = 0; index < 100; index += 1) {
    await storage.create('Workspace', aWorkspace(`later${index}`));
  }

  await copying;
  t.is((await stat(backup)).mode & 0o777, 0o600);
  const copy = new Sqlite(backup);
  t.is(copy.pragma('integrity_check', {simple: true}), 'ok');
  copy.close();
  await using restored = await openSqliteStorage({path: backup, ...effects});
  const {items, resourceVersion} = await restored.list('Workspace');
  t.true(items.length >= 300);
  t.is(Number(resourceVersion), items.length);
});

test('a backup replaces an older one', async t => {
  await using folder = await temporaryFolder();
  const backup = `${folder.path}/backup.db`;
  await using storage = await openSqliteStorage({path: ':memory:', ...effects});
  await storage.backup(backup);
  await storage.create('Workspace', aWorkspace('a'));
  await storage.backup(backup);
  await using restored = await openSqliteStorage({path: backup, ...effects});
  t.is((await restored.get('Workspace', 'a')).metadata.name, 'a');
});

test('a backup that fails says where, and leaves nothing', async t => {
  await using folder = await temporaryFolder();
  await using storage = await openSqliteStorage({path: ':memory:', ...effects});
  await t.throwsAsync(storage.backup(`${folder.path}/missing/backup.db`), {message: /missing\/backup\.db/});
  t.deepEqual(await readdir(folder.path), []);
});

test('a restored store is behind nobody: clients ahead of it list again, epochs go on growing', async t => {
  await using folder = await temporaryFolder();
  const backup = `${folder.path}/backup.db`;
  let now = Date.parse('2026-11-20T10:00:00Z');
  const clock = {...systemClock, now: () => now};
  await using storage = await openSqliteStorage({path: ':memory:', clock, random: systemRandom});
  await storage.backup(backup);
  await storage.create('Workspace', aWorkspace('a'));
  const {resourceVersion} = await storage.list('Workspace');
  const epoch = await storage.beginEpoch();
  now += 5000;
  await using restored = await openSqliteStorage({path: backup, clock, random: systemRandom});
  t.true((await restored.beginEpoch()) > epoch);
  const events = restored.watch('Workspace', {resourceVersion, signal: AbortSignal.timeout(10_000)});
  await t.throwsAsync(events[Symbol.asyncIterator]().next(), {code: 'Expired'});
});

test('a store that is closed refuses everything, and its watches end with the reason', async t => {
  const storage = await openSqliteStorage({path: ':memory:', ...effects});
  const watch = storage.watch('Workspace', {signal: AbortSignal.timeout(10_000)})[Symbol.asyncIterator]();
  const waiting = watch.next();
  await storage[Symbol.asyncDispose]();
  await t.throwsAsync(waiting, {message: /closed/});
  await t.throwsAsync(storage.ping());
  await t.throwsAsync(storage.get('Workspace', 'a'));
  await t.throwsAsync(storage.create('Workspace', aWorkspace('a')));
});
