import {randomBytes} from 'node:crypto';
import {mkdtemp, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {systemClock} from '../../../api/effects/clock.ts';
import {systemRandom as random} from '../../../api/effects/random.ts';
import {loadSecretKey} from '../../../api/storage/credential-key.ts';
import {createCredentialStore} from '../../../api/storage/credential-store.ts';
import {openSqliteStorage} from '../../../api/storage/sqlite/sqlite-storage.ts';

const password = {type: 'password', username: 'ada', password: 's3cr3t'} as const;
const sshKey = {type: 'sshKey', privateKey: '-----BEGIN OPENSSH PRIVATE KEY-----'} as const;

async function openStore(key = randomBytes(32)) {
  const storage = await openSqliteStorage({path: ':memory:', clock: systemClock, random});
  return {
    storage,
    credentials: createCredentialStore({storage, key, random}),
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}

test('a password is for https, a key for ssh, each for its own host and user', async t => {
  await using opened = await openStore();
  const {credentials} = opened;
  await credentials.put('ada', 'github.com', password);
  await credentials.put('ada', 'git.example.com', sshKey);
  const cases: readonly (readonly [string, string, unknown])[] = [
    ['ada', 'https://github.com/acme/shop.git', password],
    ['ada', 'https://GitHub.com/acme/shop.git', password],
    ['ada', 'http://github.com/acme/shop.git', undefined],
    ['ada', 'git://github.com/acme/shop.git', undefined],
    ['ada', 'git@github.com:acme/shop.git', undefined],
    ['ada', 'git@git.example.com:acme/shop.git', sshKey],
    ['ada', 'ssh://git@git.example.com/acme/shop.git', sshKey],
    ['ada', 'https://git.example.com/acme/shop.git', undefined],
    ['ada', 'https://github.com.evil.example/acme/shop.git', undefined],
    ['bob', 'https://github.com/acme/shop.git', undefined],
  ];
  for (const [user, url, expected] of cases) {
    t.deepEqual(await credentials.forRepository(user, url), expected as typeof password | undefined, url);
  }
});

test('a credential is replaced, and forgotten', async t => {
  await using opened = await openStore();
  const {credentials} = opened;
  await credentials.put('ada', 'github.com', password);
  await credentials.put('ada', 'github.com', {...password, password: 'other'});
  t.like(await credentials.forRepository('ada', 'https://github.com/a/b'), {password: 'other'});
  t.is((await credentials.list('ada')).length, 1);
  await credentials.delete('ada', 'github.com');
  t.is(await credentials.forRepository('ada', 'https://github.com/a/b'), undefined);
  await t.throwsAsync(credentials.delete('ada', 'github.com'), {code: 'NotFound'});
});

test('what is stored tells nothing, and decrypts nowhere but in its place', async t => {
  await using opened = await openStore();
  const {credentials, storage} = opened;
  await credentials.put('ada', 'github.com', password);
  await credentials.put('eve', 'github.com', {...password, password: 'hers'});
  const {items} = await storage.list('Credential');
  t.notRegex(JSON.stringify(items), /s3cr3t/);
  const [ada, eve] = ['ada', 'eve'].map(user => items.find(({spec}) => spec.user === user));
  if (ada === undefined || eve === undefined) {
    t.fail();
    return;
  }

  await storage.update('Credential', {...eve, spec: {...eve.spec, ciphertext: ada.spec.ciphertext}});
  await t.throwsAsync(credentials.forRepository('eve', 'https://github.com/a/b'), {
    message: /can't be decrypted/,
  });
});

test('with another key nothing is readable, and the error says why', async t => {
  await using opened = await openStore();
  await opened.credentials.put('ada', 'github.com', password);
  const other = createCredentialStore({storage: opened.storage, key: randomBytes(32), random});
  await t.throwsAsync(other.forRepository('ada', 'https://github.com/a/b'), {message: /key replaced/});
});

test('the key is made once, in a file for nobody else', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'nexus-key-'));
  t.teardown(() => rm(directory, {recursive: true}));
  const path = join(directory, 'secret.key');
  const keys = await Promise.all([1, 2, 3, 4].map(() => loadSecretKey(path, random)));
  t.is(new Set(keys.map(key => Buffer.from(key).toString('hex'))).size, 1);
  t.is(keys[0]?.length, 32);
  t.is((await stat(path)).mode & 0o777, 0o600);
  t.deepEqual(await loadSecretKey(path, random), keys[0]);

  await writeFile(path, 'nonsense');
  await t.throwsAsync(loadSecretKey(path, random), {message: /does not hold a key/});
  t.is(await readFile(path, 'utf8'), 'nonsense');
});
