import {existsSync} from 'node:fs';
import {readFile, stat, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type {Clock} from '../../../api/effects/clock.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {apiVersion} from '../../../api/v1alpha1/metadata.ts';
import {node as nodeSchema} from '../../../api/v1alpha1/node.ts';
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

/** Time that passes as it is waited for. */
function hastyClock(onSleep: () => Promise<unknown> = async () => undefined): Clock {
  let now = Date.parse('2026-01-01T12:00:00.000Z');
  return {
    ...systemClock,
    now: () => now,
    async sleep(milliseconds) {
      now += milliseconds;
      await onSleep();
    },
  };
}

test('node test waits for fresh news of the node, and says how old they are', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  const node = await server.client.create(
    'Node',
    nodeSchema.parse({apiVersion, kind: 'Node', metadata: {name: 'box'}, spec: {local: true}}),
  );
  const heardAt = (heartbeatAt: string) => {
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: 'AgentReady',
      message: 'Its agent answers',
    } as const;
    return server.client.updateStatus('Node', {
      ...node,
      metadata: {name: 'box'},
      status: {heartbeatAt, conditions: [{...ready, lastTransitionTime: '2026-01-01T09:00:00.000Z'}]},
    });
  };
  await heardAt('2026-01-01T11:50:00.000Z');
  const old = await bench.nexus(['node', 'test', 'box'], {clock: hastyClock()});
  t.is(old.code, 1);
  t.regex(old.stdout, /^✗ its agent: Its agent answers \(last heard 10m\d*s? ago, by what the server/);
  t.is(old.stderr, 'Waiting up to 10 s for news of node box\n');
  const clock = hastyClock(() => heardAt('2026-01-01T11:59:58.000Z'));
  const fresh = await bench.nexus(['node', 'test', 'box'], {clock});
  t.is(fresh.code, 0);
  t.regex(fresh.stdout, /^✓ its agent: Its agent answers \(last heard 3s ago/);
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

withSshServer(
  'a node is added with the host key that it shows, once that was agreed to (needs sshd)',
  async t => {
    await using sshd = await startSshServer();
    await using server = await startServer();
    await using bench = await createBench(server);
    const add = ['node', 'add', 'box', '127.0.0.1', '--port', String(sshd.port), '--label', 'zone=a'];
    const refused = await bench.nexus(add);
    t.is(refused.code, 9);
    t.regex(refused.stderr, /shows the host key ssh-ed25519 SHA256:.*\nerror: nobody is there/s);

    const added = await bench.nexus([...add, '--yes', '--user', 'root']);
    t.is(added.code, 0, added.stderr);
    const node = await server.client.get('Node', 'box');
    t.is(node.spec.hostKey, sshd.hostKey);
    t.deepEqual(node.metadata.labels, {zone: 'a'});

    const tested = await bench.nexus(['node', 'test', 'box'], {clock: hastyClock()});
    t.is(tested.code, 1);
    t.regex(tested.stdout, /✓ it shows the host key that is pinned\n✗ its agent: nothing is known yet/);
    await server.client.patch('Node', 'box', {patch: {spec: {hostKey: sshd.otherKey}}});
    t.regex(
      (await bench.nexus(['node', 'test', 'box'], {clock: hastyClock()})).stdout,
      /✗ it shows another host key/,
    );
  },
);

test('a node whose sshd does not answer is not added', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  const {code, stderr} = await bench.nexus(['node', 'add', 'box', '127.0.0.1', '--port', '9', '--yes']);
  t.is(code, 7);
  t.regex(stderr, /hint: .*ssh-keyscan -p 9 127\.0\.0\.1/);
});
