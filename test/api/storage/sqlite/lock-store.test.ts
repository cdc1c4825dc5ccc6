import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import test from 'ava';
import {systemClock} from '../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import {lockStore} from '../../../../api/storage/sqlite/lock-store.ts';
import {openSqliteStorage} from '../../../../api/storage/sqlite/sqlite-storage.ts';
import {temporaryFolder} from './temporary-folder.ts';

test('a second holder is refused with who holds the store, since when, and what to do', async t => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/store.db`;
  const clock = {...systemClock, now: () => Date.parse('2026-11-20T10:00:00.000Z')};
  const lock = lockStore(path, clock);
  t.throws(() => lockStore(path, clock), {
    message: new RegExp(
      `store\\.db is in use by .*process id ${process.pid}, since 2026-11-20T10:00:00.000Z\\. Stop`,
    ),
  });
  lock[Symbol.dispose]();
  lock[Symbol.dispose]();
  using again = lockStore(path, clock);
  t.truthy(again);
});

test('who holds the lock can use the store, and sqlite3 can read it', async t => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/store.db`;
  using lock = lockStore(path, systemClock);
  await using storage = await openSqliteStorage({path, clock: systemClock, random: systemRandom});
  await t.notThrowsAsync(storage.ping());
  t.truthy(lock);
});

test('a holder that is killed holds nothing', async t => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/store.db`;
  const module = new URL('../../../../api/storage/sqlite/lock-store.ts', import.meta.url);
  const program = `
    const {lockStore} = await import(${JSON.stringify(module.href)});
    const lock = lockStore(${JSON.stringify(path)}, {now: () => 0});
    console.log('held');
    setInterval(() => lock, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  t.throws(() => lockStore(path, systemClock), {message: new RegExp(`process id ${child.pid}, since 1970`)});
  child.kill('SIGKILL');
  await once(child, 'exit');
  using lock = lockStore(path, systemClock);
  t.truthy(lock);
  t.is(JSON.parse(await readFile(`${path}.holder`, 'utf8')).pid, process.pid);
});

test('a place where no lock can be is an error that is not about another server', async t => {
  await using folder = await temporaryFolder();
  const error = t.throws(() => lockStore(`${folder.path}/missing/store.db`, systemClock));
  t.notRegex(error?.message ?? '', /in use/);
});
