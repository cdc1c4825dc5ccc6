import {mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import {systemRandom} from '../../../api/effects/random.ts';
import type {KeySet, SharedKeys} from '../../../api/storage/shared-keys.ts';
import {createKeyFolder, requiredKeys, shareHome} from '../../../cli/server/shared-home.ts';

async function createHome(t: ExecutionContext, name: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), `nexus-home-${name}-`));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  return folder;
}

/** As the Secret does. */
function createPlace(): SharedKeys & {kept: KeySet | undefined} {
  const place: SharedKeys & {kept: KeySet | undefined} = {
    place: 'safe',
    kept: undefined,
    async ensure(propose) {
      place.kept = {...(await propose(place.kept ?? {})), ...place.kept};
      return place.kept;
    },
  };
  return place;
}

const share = (home: string, keys: SharedKeys) =>
  shareHome({home, keys, random: systemRandom, signal: new AbortController().signal});

test('a home without keys gets them, another gets the same, and a third time nothing changes', async t => {
  const [first, second] = [await createHome(t, 'first'), await createHome(t, 'second')];
  const keys = createPlace();
  t.true(await share(first, keys));
  t.true(await share(second, keys));
  t.true(await share(first, keys));
  const files = ['installation', 'secret.key', 'gateway_host_key', 'admin-token', 'keys/id_ed25519'];
  for (const file of files) {
    t.is(await readFile(path.join(first, file), 'utf8'), await readFile(path.join(second, file), 'utf8'));
    t.is((await stat(path.join(second, file))).mode & 0o777, 0o600, file);
  }

  t.deepEqual(
    requiredKeys.filter(name => keys.kept?.[name] === undefined),
    [],
  );
  t.deepEqual(
    (await readdir(first)).toSorted(),
    [...files.slice(0, 4), 'keys'].toSorted(),
    'nothing is left',
  );
});

test('a home that has served before gives what it has, so that nodes and clients go on to know it', async t => {
  const home = await createHome(t, 'old');
  await mkdir(path.join(home, 'keys'));
  await writeFile(path.join(home, 'installation'), 'abc123\n');
  await writeFile(path.join(home, 'keys', 'id_ed25519'), 'of before\n');
  const keys = createPlace();
  t.true(await share(home, keys));
  t.like(keys.kept, {installation: 'abc123\n', id_ed25519: 'of before\n'});
  t.is(keys.kept?.['id_ed25519.pub'], undefined, 'none that belongs to another private key');
});

test('a home that has served another store is refused, and stays as it is', async t => {
  const home = await createHome(t, 'other');
  const keys = createPlace();
  await share(await createHome(t, 'first'), keys);
  await writeFile(path.join(home, 'installation'), 'abc123\n');
  await t.throwsAsync(share(home, keys), {
    message: /installation is not what the safe has as installation: this home has served another store/,
  });
  t.is(await readFile(path.join(home, 'installation'), 'utf8'), 'abc123\n');
});

test('a folder must hold all keys, and nothing is written there', async t => {
  const [home, folder] = [await createHome(t, 'home'), await createHome(t, 'folder')];
  await writeFile(path.join(folder, 'installation'), 'abc123');
  await t.throwsAsync(share(home, createKeyFolder(folder)), {
    message: /lacks secret\.key, gateway_host_key, id_ed25519, admin-token$/,
  });
  for (const name of requiredKeys.slice(1)) {
    await writeFile(path.join(folder, name), `the ${name}`);
  }

  t.true(await share(home, createKeyFolder(folder)));
  t.is(await readFile(path.join(home, 'installation'), 'utf8'), 'abc123');
  t.is(await readFile(path.join(home, 'keys', 'id_ed25519'), 'utf8'), 'the id_ed25519');
  t.deepEqual((await readdir(folder)).toSorted(), [...requiredKeys].toSorted());
});

test('where there is no place for keys, each home has its own', async t => {
  const home = await createHome(t, 'alone');
  t.false(await share(home, {place: 'nowhere', ensure: async () => undefined}));
  t.deepEqual(await readdir(home), []);
});
