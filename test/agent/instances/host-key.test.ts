import {execFileSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {encodeHostKey, generateHostKey} from '../../../agent/instances/host-key.ts';

test('OpenSSH reads a generated key and finds the same public half in it', t => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-key-'));
  t.teardown(() => rmSync(folder, {recursive: true}));
  for (let count = 0; count < 3; count += 1) {
    const {privateKey, publicKey} = generateHostKey();
    const file = join(folder, `key${count}`);
    writeFileSync(file, privateKey, {mode: 0o600});
    t.is(execFileSync('ssh-keygen', ['-y', '-f', file], {encoding: 'utf8'}).trim(), publicKey);
  }
});

test('the same bytes give the same key, two generated ones differ', t => {
  const [seed, point, check] = [
    new Uint8Array(32).fill(1),
    new Uint8Array(32).fill(2),
    new Uint8Array(4).fill(3),
  ];
  t.deepEqual(encodeHostKey(seed, point, check), encodeHostKey(seed, point, check));
  t.not(generateHostKey().publicKey, generateHostKey().publicKey);
});
