import {chmod, mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {startServer} from '../api/server/test-server.ts';
import {createBench} from './run-cli.ts';

test('a machine without anything is told what to do first', async t => {
  await using bench = await createBench({url: 'http://127.0.0.1:9', adminToken: 'x'});
  const {code, stdout} = await bench.nexus(['doctor']);
  t.is(code, 1);
  t.regex(stdout, /^✓ Node\.js: /);
  t.regex(stdout, /! home: .* does not exist yet\n {4}nexus server/);
  t.regex(stdout, /✗ server: .*can't be reached.*\n {4}.*nexus server/);
  t.regex(stdout, /- backend of workspaces: this machine is no node/);
});

test('a home that is open to others, a broken setting and a missing key are each told with their cure', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await mkdir(bench.home);
  await chmod(bench.home, 0o755);
  await writeFile(path.join(bench.home, 'config.yaml'), 'version: 1\neditr: vim\n');
  const {code, stdout} = await bench.nexus(['doctor']);
  t.is(code, 1);
  t.regex(stdout, /✗ home: .* is open to other users\n {4}chmod 700 /);
  t.regex(stdout, /✗ settings: .*config\.yaml is not valid/);
});

test('once a key is registered, only nodes are missed', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await bench.nexus(['ssh', 'setup', '--yes']);
  const {stdout} = await bench.nexus(['doctor']);
  t.regex(stdout, /✓ ssh key: .*id_ed25519 SHA256:/);
  t.regex(stdout, /✓ token: admin \(admin\)/);
  t.regex(stdout, /✓ ssh key on the server: registered, 1 in all/);
  t.regex(stdout, /✗ nodes: /);
});

test('a node whose backend has gone is told how to start it', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await mkdir(path.join(bench.home, 'agent'), {recursive: true, mode: 0o700});
  await writeFile(path.join(bench.home, 'installation'), 'abcdef\n');
  await writeFile(path.join(bench.home, 'agent/config.json'), '{"socket": "/nonexistent/unix.socket"}');
  const {stdout} = await bench.nexus(['doctor']);
  t.regex(stdout, /✗ lxc: backend: .*\n {4}Start it: hack\/backend start/);
});
