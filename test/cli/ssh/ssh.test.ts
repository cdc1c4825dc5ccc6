import {existsSync} from 'node:fs';
import {readFile, stat, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {runProgram} from '../../../cli/spawned.ts';
import {startServer, workspaceNamed} from '../../api/server/test-server.ts';
import {sshServerProgram, startSshServer} from '../../fakes/ssh-server.ts';
import {createBench} from '../run-cli.ts';

test('ssh setup makes a key of its own, registers it, and does nothing the second time', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  const first = await bench.nexus(['ssh', 'setup', '--yes']);
  t.is(first.code, 0, first.stderr);
  t.regex(first.stdout, /^Made the key .*keys\/id_ed25519\nSHA256:\S+ is now a key of admin\n$/);
  t.is((await stat(path.join(bench.home, 'keys/id_ed25519'))).mode & 0o777, 0o600);
  t.is((await stat(bench.home)).mode & 0o777, 0o700);
  const second = await bench.nexus(['ssh', 'setup', '--yes']);
  t.regex(second.stdout, /^Using the key .*\nSHA256:\S+ is a key of admin already\n$/);
  const publicKey = (await readFile(path.join(bench.home, 'keys/id_ed25519.pub'), 'utf8')).trim();
  t.deepEqual(
    (await server.client.get('User', 'admin')).spec.sshKeys.map(key => key.publicKey),
    [publicKey],
  );
});

test('ssh setup takes the key that it is given', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  t.is((await bench.nexus(['ssh', 'setup', '--key', path.join(bench.folder, 'none')])).code, 2);
});

const withSshServer = existsSync(sshServerProgram) ? test : test.skip;

withSshServer(
  'the printed ssh command works when pasted, and the wrong host key is refused (needs sshd)',
  async t => {
    await using sshd = await startSshServer();
    await using server = await startServer();
    await using bench = await createBench(server);
    const workspace = await server.client.create('Workspace', workspaceNamed('a'));
    const at = (hostKey: string) =>
      server.client.updateStatus('Workspace', {
        ...workspace,
        metadata: {name: 'a'},
        status: {ssh: {host: '127.0.0.1', port: sshd.port, username: sshd.user, hostKey}},
      });
    await bench.nexus(['ssh', 'setup', '--yes']);
    const settings = path.join(bench.home, 'config.yaml');
    await writeFile(settings, `version: 1\nssh_key: ${sshd.identityFile}\n`);

    await at(sshd.hostKey);
    const paste = async () => {
      const {stdout} = await bench.nexus(['ssh', 'command', 'a']);
      return runProgram('sh', ['-c', `${stdout.trim()} -o BatchMode=yes 'echo arrived; exit 7'`]);
    };
    const arrived = await paste();
    t.is(arrived.stdout, 'arrived\n', arrived.stderr);
    t.is(arrived.code, 7);

    await at(sshd.otherKey);
    const refused = await paste();
    t.is(refused.code, 255);
    t.regex(refused.stderr, /HOST IDENTIFICATION HAS CHANGED|verification failed/);
  },
);
