import {mkdtemp, readdir, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {systemRandom} from '../../../api/effects/random.ts';
import {loadSecretFile} from '../../../api/storage/secret-file.ts';

const secret = {
  make: () => `secret ${systemRandom.uuid()}`,
  parse: (content: string) => (content.startsWith('secret ') ? content : undefined),
  complaint: 'holds no secret; restore it from a backup',
};

async function makeFolder() {
  const path = await mkdtemp(join(tmpdir(), 'nexus-secret-'));
  return {path, [Symbol.asyncDispose]: () => rm(path, {recursive: true})};
}

test('all who ask at once for a secret that is not there yet get the same, and so does who comes later', async t => {
  await using folder = await makeFolder();
  const file = join(folder.path, 'secret');
  const got = await Promise.all(Array.from({length: 10}, () => loadSecretFile(file, secret, systemRandom)));
  const later = await loadSecretFile(file, secret, systemRandom);
  t.deepEqual([...new Set(got)], [later]);
  t.is(await readFile(file, 'utf8'), later);
  t.is((await stat(file)).mode & 0o777, 0o600);
  t.deepEqual(await readdir(folder.path), ['secret']);
});

test('a file that others may read is closed to them', async t => {
  await using folder = await makeFolder();
  const file = join(folder.path, 'secret');
  await writeFile(file, 'secret of old', {mode: 0o644});
  t.is(await loadSecretFile(file, secret, systemRandom), 'secret of old');
  t.is((await stat(file)).mode & 0o777, 0o600);
});

test('a file that holds something else is refused and left as it is', async t => {
  await using folder = await makeFolder();
  const file = join(folder.path, 'secret');
  await writeFile(file, '');
  await t.throwsAsync(loadSecretFile(file, secret, systemRandom), {
    message: `${file} holds no secret; restore it from a backup`,
  });
  t.is(await readFile(file, 'utf8'), '');
});
