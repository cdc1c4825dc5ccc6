import {mkdir, stat} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {systemClock} from '../../api/effects/clock.ts';
import {systemRandom} from '../../api/effects/random.ts';
import {openSqliteStorage} from '../../api/storage/sqlite/sqlite-storage.ts';
import {workspaceNamed} from '../api/server/test-server.ts';
import {createBench} from './run-cli.ts';

test('a store that is in use is copied whole, for its owner only', async t => {
  await using bench = await createBench();
  await mkdir(bench.home, {mode: 0o700});
  const effects = {clock: systemClock, random: systemRandom};
  await using storage = await openSqliteStorage({path: path.join(bench.home, 'nexus.sqlite'), ...effects});
  await storage.create('Workspace', workspaceNamed('a'));
  const {code, stderr} = await bench.nexus(['store', 'backup', 'copy.sqlite']);
  t.is(code, 0, stderr);
  await storage.create('Workspace', workspaceNamed('b'));

  const copy = path.join(bench.folder, 'copy.sqlite');
  t.is((await stat(copy)).mode & 0o777, 0o600);
  await using copied = await openSqliteStorage({path: copy, ...effects});
  t.deepEqual(
    (await copied.list('Workspace')).items.map(({metadata}) => metadata.name),
    ['a'],
  );
});

test('where there is no store, none is copied', async t => {
  await using bench = await createBench();
  const {code, stderr} = await bench.nexus(['store', 'backup', 'copy.sqlite']);
  t.is(code, 5);
  t.regex(stderr, /there is no store in .*\nhint: /);
});
