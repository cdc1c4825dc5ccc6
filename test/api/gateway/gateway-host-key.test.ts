import {mkdtemp, readdir, readFile, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import ssh2 from 'ssh2';
import {systemRandom} from '../../../api/effects/random.ts';
import {loadGatewayHostKey} from '../../../api/gateway/gateway-host-key.ts';

async function fileIn(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'nexus-host-key-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  return path.join(folder, 'host_key');
}

test('the key is made once, and is for its owner only', async t => {
  const file = await fileIn(t);
  const key = await loadGatewayHostKey(file, systemRandom);
  t.regex(key.publicKey, /^ssh-ed25519 AAAA/);
  t.is((await stat(file)).mode & 0o777, 0o600);
  t.deepEqual(await loadGatewayHostKey(file, systemRandom), key);
  t.deepEqual(await readdir(path.dirname(file)), ['host_key']);
});

test('a key that was made so that nobody can read it is not kept', async t => {
  const file = await fileIn(t);
  const good = (await loadGatewayHostKey(await fileIn(t), systemRandom)).privateKey;
  const bad = good.replace(/\n.*\n-----END/, '\n-----END');
  t.true(ssh2.utils.parseKey(bad) instanceof Error);
  const made = [bad, good];
  await loadGatewayHostKey(file, systemRandom, () => made.shift() ?? '');
  t.is(await readFile(file, 'utf8'), good);
});
