import {chmod, copyFile, mkdir, readdir, readFile, rm, stat, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {agentHome, ensureInstallation} from '../../agent/system/agent-home.ts';
import {systemClock} from '../../api/effects/clock.ts';
import {silentLogger} from '../../api/effects/logger.ts';
import {systemRandom} from '../../api/effects/random.ts';
import {loadSecretKey} from '../../api/storage/credential-key.ts';
import {createCredentialStore} from '../../api/storage/credential-store.ts';
import {lockStore} from '../../api/storage/sqlite/lock-store.ts';
import {openMovableSqlite} from '../../api/storage/sqlite/movable-sqlite.ts';
import type {SqliteStorage} from '../../api/storage/sqlite/sqlite-storage.ts';
import {openSqliteStorage} from '../../api/storage/sqlite/sqlite-storage.ts';
import {openStore} from '../../cli/server/open-store.ts';
import {workspaceNamed} from '../api/server/test-server.ts';
import type {CliBench} from './run-cli.ts';
import {createBench} from './run-cli.ts';

const effects = {clock: systemClock, random: systemRandom};
const storeOf = ({home}: Pick<CliBench, 'home'>) => path.join(home, 'nexus.sqlite');
const keyOf = ({home}: Pick<CliBench, 'home'>) => path.join(home, 'secret.key');

/** A home with a store in which there is one workspace, and a credential of its owner. */
async function createHome(): Promise<CliBench> {
  const bench = await createBench();
  await mkdir(bench.home, {mode: 0o700});
  await ensureInstallation(agentHome(bench.home));
  await using storage = await openSqliteStorage({path: storeOf(bench), ...effects});
  await storage.create('Workspace', workspaceNamed('a'));
  await credentialsOf(bench, storage).then(credentials =>
    credentials.put('ada', 'git.example.com', {
      type: 'password',
      username: 'ada',
      password: 'hidden-from-all',
    }),
  );
  return bench;
}

async function credentialsOf(bench: CliBench, storage: SqliteStorage) {
  const key = await loadSecretKey(keyOf(bench), systemRandom);
  return createCredentialStore({storage, key, random: systemRandom});
}

test('a store goes through a file into another home, where everything is as it was', async t => {
  await using from = await createHome();
  await using to = await createBench();
  await using storage = await openSqliteStorage({path: storeOf(from), ...effects});
  const file = path.join(from.folder, 'store.jsonl');
  await writeFile(file, 'of before');
  await chmod(file, 0o644);
  const exported = await from.nexus(['store', 'export', file]);
  t.is(exported.code, 0, exported.stderr);
  t.regex(
    exported.stderr,
    /^exported 1 Workspace, 1 Credential to .*store\.jsonl\nKeep it to yourself, and .*secret\.key with it/,
  );
  t.is((await stat(file)).mode & 0o777, 0o600);
  t.notRegex(await readFile(file, 'utf8'), /hidden-from-all/);
  t.deepEqual(await readdir(from.folder), ['store.jsonl']);

  const imported = await to.nexus(['store', 'import', file]);
  t.is(imported.code, 0, imported.stderr);
  t.regex(imported.stdout, /^imported 1 Workspace, 1 Credential into SQLite, .*\nnext: nexus server\n$/);
  t.regex(imported.stderr, /copy secret\.key from the home that it came from/);
  await copyFile(keyOf(from), keyOf(to));
  for (const name of ['installation', 'secret.key']) {
    t.is(
      await readFile(path.join(to.home, name), 'utf8'),
      await readFile(path.join(from.home, name), 'utf8'),
    );
  }

  await using arrived = await openSqliteStorage({path: storeOf(to), ...effects});
  const [before, after] = await Promise.all([storage, arrived].map(each => each.get('Workspace', 'a')));
  t.deepEqual({...after, metadata: {...after?.metadata, resourceVersion: ''}}, {
    ...before,
    metadata: {...before?.metadata, resourceVersion: ''},
  } as typeof after);
  const secret = await (await credentialsOf(to, arrived)).forRepository(
    'ada',
    'https://git.example.com/a.git',
  );
  t.like(secret, {password: 'hidden-from-all'});
});

test('an export makes nothing in the home, and names no key that is not there', async t => {
  await using from = await createHome();
  await using to = await createBench();
  for (const name of ['installation', 'secret.key']) {
    await rm(path.join(from.home, name));
  }

  const before = await readdir(from.home);
  const {stdout, stderr, code} = await from.nexus(['store', 'export']);
  t.is(code, 0, stderr);
  t.regex(stderr, /^Keep it to yourself\.$/m);
  const isOwn = (name: string) => !/^nexus\.sqlite-/.test(name);
  t.deepEqual((await readdir(from.home)).filter(isOwn), before.filter(isOwn));
  t.is((await to.nexus(['store', 'import'], {stdin: stdout})).code, 0);
  t.regex(await readFile(path.join(to.home, 'installation'), 'utf8'), /^[0-9a-f]{6}\n$/);
});

test('it goes through a pipe, too', async t => {
  await using from = await createHome();
  await using to = await createBench();
  const {stdout, code} = await from.nexus(['store', 'export']);
  t.is(code, 0);
  const imported = await to.nexus(['store', 'import', '-'], {stdin: stdout});
  t.is(imported.code, 0, imported.stderr);
});

test('a store that holds something is not imported into, nor one that a server uses', async t => {
  await using from = await createHome();
  const {stdout: stdin} = await from.nexus(['store', 'export']);
  const full = await from.nexus(['store', 'import'], {stdin});
  t.is(full.code, 8);
  t.regex(full.stderr, /is not empty: it holds 1 Workspace, 1 Credential\nhint: Nothing was changed/);
  await rm(path.join(from.home, 'installation'));
  t.is((await from.nexus(['store', 'import'], {stdin})).code, 8);
  t.false((await readdir(from.home)).includes('installation'));
  await using to = await createBench();
  await mkdir(to.home);
  using _lock = lockStore(storeOf(to), systemClock);
  const used = await to.nexus(['store', 'import'], {stdin});
  t.is(used.code, 8);
  t.regex(used.stderr, /is in use by the nexus server with process id \d+.*Stop that server first/);
});

test('a home of another installation is refused', async t => {
  await using from = await createHome();
  await using to = await createBench();
  const {stdout} = await from.nexus(['store', 'export']);
  await mkdir(to.home);
  await writeFile(path.join(to.home, 'installation'), 'ffffff\n');
  const {code, stderr} = await to.nexus(['store', 'import'], {
    stdin: stdout.replace(/"installation":"\w+"/, '"installation":"000000"'),
  });
  t.is(code, 1);
  t.regex(stderr, /this home already serves another installation than 000000/);
});

test('a file that was cut off leaves a store that no server uses, until a whole one is imported', async t => {
  await using from = await createHome();
  await using to = await createBench();
  const {stdout} = await from.nexus(['store', 'export']);
  const cut = await to.nexus(['store', 'import'], {stdin: stdout.split('\n').slice(0, 2).join('\n')});
  t.is(cut.code, 2);
  t.regex(cut.stderr, /standard input can't be imported: it ends after line 2, too early/);
  const open = () => openStore({kind: 'sqlite'}, {home: to.home, log: silentLogger, ...effects});
  await t.throwsAsync(open(), {message: /^The store .*nexus\.sqlite is not complete/});
  t.is((await to.nexus(['store', 'import'], {stdin: stdout})).code, 0);
  await using store = await open();
  t.is((await store.storage.list('Workspace')).items.length, 1);
});

test('a store that was moved away starts no server, until somebody says that the other one is lost', async t => {
  await using bench = await createHome();
  {
    await using store = await openMovableSqlite({path: storeOf(bench), place: 'here', clock: systemClock});
    await store.setMark({
      phase: 'Moved',
      move: 'm',
      place: 'Kubernetes, namespace nexus',
      at: '2026-11-28T03:00:00.000Z',
    });
  }

  const served = await bench.nexus(['server', '--port', '0', '--no-gateway']);
  t.is(served.code, 8);
  t.regex(served.stderr, /was moved to Kubernetes, namespace nexus at 2026-11-28/);
  const refused = await bench.nexus(['store', 'reopen']);
  t.is(refused.code, 9);
  t.regex(refused.stderr, /is used in its place.*\nhint: Only if no server uses that one/);
  t.is((await bench.nexus(['store', 'reopen', '--other-is-lost'])).code, 0);
  await using store = await openStore({kind: 'sqlite'}, {home: bench.home, log: silentLogger, ...effects});
  t.is((await store.storage.list('Workspace')).items.length, 1);
});

test('where there is no store, none is exported or moved', async t => {
  await using bench = await createBench();
  for (const argv of [['export'], ['migrate', '--to', 'kubernetes', '--kubeconfig', 'none'], ['reopen']]) {
    const {code, stderr} = await bench.nexus(['store', ...argv]);
    t.is(code, 5);
    t.regex(stderr, /there is no store in .*\nhint: /);
  }
});

for (const [argv, message] of [
  [['migrate'], /required option '--to <kind>'/],
  [['migrate', '--to', 'etcd'], /argument 'etcd' is invalid\. Allowed choices are sqlite, kubernetes/],
  [['export', '--store', 'etcd'], /argument 'etcd' is invalid\. Allowed choices are sqlite, kubernetes/],
  [['export', '--namespace', 'x'], /--namespace is for --store kubernetes/],
  [['import', 'nowhere.jsonl'], /nowhere\.jsonl can't be read/],
] as const) {
  test(`nexus store ${argv.join(' ')} says what is wrong with it`, async t => {
    await using bench = await createBench();
    const {code, stderr} = await bench.nexus(['store', ...argv]);
    t.true(code === 2 || code === 5);
    t.regex(stderr, message);
  });
}
