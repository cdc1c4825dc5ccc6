import {readFile, rm} from 'node:fs/promises';
import {dirname} from 'node:path';
import test from 'ava';
import {parse} from 'yaml';
import {systemClock} from '../../api/effects/clock.ts';
import {createEventRecorder} from '../../api/storage/event-recorder.ts';
import {startServer, workspaceNamed} from '../api/server/test-server.ts';
import {createManualClock} from '../fakes/manual-clock.ts';
import {createBench} from './run-cli.ts';

test('get lists, shows, selects and prints for programs', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  t.like(await bench.nexus(['get', 'ws']), {code: 0, stdout: '', stderr: 'There are no workspaces.\n'});
  await server.client.create('Workspace', workspaceNamed('a'));
  const labelled = workspaceNamed('b');
  await server.client.create('Workspace', {...labelled, metadata: {name: 'b', labels: {app: 'x'}}});

  const table = await bench.nexus(['get', 'ws']);
  t.regex(table.stdout, /^NAME {3}PHASE {5}READY {5}NODE {3}SSH {3}AGE\na {6}Pending {3}Unknown/);
  t.regex((await bench.nexus(['get', 'ws', '--no-headers'])).stdout, /^a {3}Pending/);
  t.is((await bench.nexus(['get', 'ws', '-o', 'name'])).stdout, 'workspace/a\nworkspace/b\n');
  t.is((await bench.nexus(['get', 'ws', '-l', 'app=x', '-o', 'name'])).stdout, 'workspace/b\n');
  t.is(
    (await bench.nexus(['get', 'ws', '--field-selector', 'metadata.name=a', '-o', 'name'])).stdout,
    'workspace/a\n',
  );
  t.is((await bench.nexus(['get', 'ws', 'a', '-o', 'jsonpath={.spec.owner}'])).stdout, 'admin\n');
  const one: unknown = parse((await bench.nexus(['get', 'ws/a', '-o', 'yaml'])).stdout);
  t.like(one, {kind: 'Workspace', metadata: {name: 'a'}});
  const list: unknown = JSON.parse((await bench.nexus(['get', 'ws,users', '-o', 'json'])).stdout);
  t.like(list, {kind: 'List', items: [{kind: 'Workspace'}, {kind: 'Workspace'}, {kind: 'User'}]});
});

test('what get prints can be applied again', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await server.client.create('Workspace', workspaceNamed('a'));
  await server.client.create('Workspace', workspaceNamed('b'));
  const {stdout} = await bench.nexus(['get', 'ws', '-o', 'yaml']);
  t.is(
    (await bench.nexus(['apply', '-f', '-'], {stdin: stdout})).stdout,
    'workspace/a unchanged\nworkspace/b unchanged\n',
  );
});

test('get --watch shows what is there, then each change, until interrupted', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await server.client.create('Workspace', workspaceNamed('a'));
  const interruption = new AbortController();
  let shown = '';
  let created = false;
  const {code, stdout} = await bench.nexus(['get', 'ws', '-w', '-o', 'name'], {
    signal: interruption.signal,
    onOutput(text) {
      shown += text;
      if (shown.includes('workspace/a') && !created) {
        created = true;
        void server.client.create('Workspace', workspaceNamed('b'));
      }

      if (shown.includes('workspace/b')) {
        interruption.abort();
      }
    },
  });
  t.is(code, 130);
  t.is(stdout, 'workspace/a\nworkspace/b\n');
});

test('describe tells of a resource and its events', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await bench.nexus(['apply', '-f', '-'], {
    stdin: 'apiVersion: nexus.dev/v1alpha1\nkind: Workspace\nmetadata: {name: a}\n',
  });
  const {code, stdout} = await bench.nexus(['describe', 'ws', 'a']);
  t.is(code, 0);
  t.regex(stdout, /^Name: +a\n/);
  t.regex(stdout, /Created +admin +admin created Workspace "a"/);
  t.regex((await bench.nexus(['events', '--for', 'ws/a'])).stdout, /Created +workspace\/a/);
});

test('delete says where work that was kept is, and how to take it back', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await server.client.create('Workspace', workspaceNamed('a'));
  const recorder = createEventRecorder({
    storage: server.storage,
    clock: systemClock,
    component: 'controller',
  });
  const release = (async () => {
    for await (const event of server.storage.watch('Workspace', {signal: AbortSignal.timeout(20_000)})) {
      if (event.type === 'MODIFIED' && event.object.metadata.deletionTimestamp !== undefined) {
        const {metadata} = event.object;
        await server.storage.update('Workspace', {...event.object, metadata: {...metadata, finalizers: []}});
        await recorder.record({
          regarding: {kind: 'Workspace', name: 'a', uid: metadata.uid},
          type: 'Warning',
          reason: 'WorkKept',
          message: 'Take it back with: nexus workspace undelete a',
        });
        return;
      }
    }
  })();
  const {code, stdout, stderr} = await bench.nexus(['delete', 'ws/a']);
  await release;
  t.is(code, 0, stderr);
  t.is(stdout, 'workspace/a deleted\n');
  t.regex(stderr, /workspace\/a: Take it back with: nexus workspace undelete a\n$/);
});

test('a node is not set up for an installation that can not be one', async t => {
  await using bench = await createBench();
  const {code, stderr} = await bench.nexus(['agent', 'setup', '--image', 'x', '--installation', 'mine']);
  t.is(code, 2);
  t.regex(stderr, /six hexadecimal digits, not "mine"\nhint: .*\$NEXUS_HOME\/installation/);
});

test('a workspace is not given back under a name that is taken, and why is said', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await server.client.create('Workspace', workspaceNamed('a'));
  const {code, stderr} = await bench.nexus(['workspace', 'undelete', 'a']);
  t.is(code, 8);
  t.is(
    stderr,
    'error: Workspace "a" exists\nhint: Only what was deleted last under a name can be given back, once the name is free.\n',
  );
});

test('delete waits until it is gone, and forgives what is not there only if told to', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await server.client.create('Workspace', workspaceNamed('a'));
  const release = (async () => {
    for await (const event of server.storage.watch('Workspace', {signal: AbortSignal.timeout(20_000)})) {
      if (event.type === 'MODIFIED' && event.object.metadata.deletionTimestamp !== undefined) {
        const {metadata} = event.object;
        await server.storage.update('Workspace', {
          ...event.object,
          metadata: {...metadata, finalizers: []},
        });
        return;
      }
    }
  })();
  const {code, stdout} = await bench.nexus(['delete', 'ws/a']);
  await release;
  t.is(code, 0);
  t.is(stdout, 'workspace/a deleted\n');
  t.is((await bench.nexus(['delete', 'ws/a'])).code, 5);
  t.is((await bench.nexus(['delete', 'ws/a', '--ignore-not-found'])).code, 0);
  t.is((await bench.nexus(['delete', 'ws'])).code, 2);
});

test('wait tells of progress on standard error and ends when it is reached', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  const workspace = await server.client.create('Workspace', workspaceNamed('a'));
  const waiting = bench.nexus(['wait', 'ws/a', '--for=condition=Ready', '--timeout', '20s']);
  const ready = (status: 'True' | 'False', reason: string) =>
    server.client.updateStatus('Workspace', {
      ...workspace,
      metadata: {name: 'a'},
      status: {
        conditions: [
          {type: 'Ready', status, reason, message: `${reason}.`, lastTransitionTime: '2026-01-01T00:00:00Z'},
        ],
      },
    });
  await ready('False', 'Creating');
  await ready('True', 'Ready');
  const {code, stdout, stderr} = await waiting;
  t.is(code, 0);
  t.is(stdout, 'workspace/a condition met\n');
  t.regex(stderr, /workspace\/a ✓ Ready: Ready\. \(Ready\)|^$/);
});

test('wait that takes too long ends with exit code 6 and says what is missing', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await server.client.create('Workspace', workspaceNamed('a'));
  const clock = createManualClock();
  const waiting = bench.nexus(['wait', 'ws/a', '--for=condition=Ready', '--timeout', '300ms'], {clock});
  // It watches once it has seen what there is.
  while (!/^nexus_watches 1$/m.test((await server.call('/metrics')).text)) {}
  await clock.advance(300);
  const {code, stderr} = await waiting;
  t.is(code, 6);
  t.regex(
    stderr,
    /waited 300ms for Ready.*workspace\/a\n.*nothing is known of it yet.*\nhint: .*nexus describe/s,
  );
});

test('wait for what is not there ends with exit code 5, unless it is waited to be gone', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  t.is((await bench.nexus(['wait', 'ws/a', '--for=condition=Ready'])).code, 5);
  t.like(await bench.nexus(['wait', 'ws/a', '--for=delete']), {code: 0, stdout: 'workspace/a deleted\n'});
  t.is((await bench.nexus(['wait', 'ws/a', '--for=delete', '--timeout', 'soon'])).code, 2);
});

test('workspaces are created, stopped, started by their names', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  const created = await bench.nexus(['workspace', 'create', 'ada/Shop.js', '--branch', 'next']);
  t.is(created.stdout, 'workspace/shop-js created\n', created.stderr);
  t.like((await server.client.get('Workspace', 'shop-js')).spec, {
    configFrom: 'repository',
    repo: {owner: 'ada', name: 'Shop.js', url: 'https://github.com/ada/Shop.js.git', branch: 'next'},
  });
  t.is((await bench.nexus(['workspace', 'stop', 'shop-js'])).stdout, 'workspace/shop-js stops\n');
  t.false((await server.client.get('Workspace', 'shop-js')).spec.running);
  t.is((await bench.nexus(['ws', 'start', 'shop-js'])).stdout, 'workspace/shop-js starts\n');
  t.is((await bench.nexus(['workspace', 'create', 'ext::sh'])).code, 2);
});

test('users are added with a key and a token, which is theirs', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  const key = await bench.write(
    'id.pub',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN0re4bc64t00tHAtX3AiB95Dwo5Ujknvm4kkPmBjOaI bob\n',
  );
  const {stdout: token} = await bench.nexus(['user', 'add', 'bob', '--key', key]);
  const env = {NEXUS_TOKEN: token.trim()};
  t.regex((await bench.nexus(['user', 'whoami'], {env})).stdout, /^bob \(user, 1 ssh key\)/);
  t.is((await bench.nexus(['node', 'cordon', 'x'], {env})).code, 5);
  const {stdout: other} = await bench.nexus(['user', 'token', '--expires-in', '1h'], {env});
  t.regex((await bench.nexus(['user', 'whoami'], {env: {NEXUS_TOKEN: other.trim()}})).stdout, /^bob/);
  t.is((await bench.nexus(['user', 'whoami'], {env: {NEXUS_TOKEN: 'nexus_wrong'}})).code, 4);
  await bench.write('bad.pub', 'not a key');
  t.is((await bench.nexus(['user', 'add', 'eve', '--key', 'bad.pub'])).code, 2);
});

test('nodes are cordoned, and not removed from under workspaces', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await bench.nexus(['apply', '-f', '-'], {
    stdin: 'apiVersion: nexus.dev/v1alpha1\nkind: Node\nmetadata: {name: box}\n',
  });
  t.is((await bench.nexus(['node', 'cordon', 'box'])).stdout, 'node/box cordoned\n');
  t.is((await bench.nexus(['node', 'cordon', 'node/box'])).stdout, 'node/box was cordoned already\n');
  t.is((await bench.nexus(['node', 'uncordon', 'box'])).stdout, 'node/box uncordoned\n');
  const workspace = await server.client.create('Workspace', workspaceNamed('a'));
  await server.client.updateStatus('Workspace', {...workspace, status: {node: 'box'}});
  const refused = await bench.nexus(['node', 'remove', 'box']);
  t.is(refused.code, 8);
  t.regex(refused.stderr, /workspace\/a/);
});

test('a server that is not there ends every command with exit code 7 and the next step', async t => {
  await using bench = await createBench({url: 'http://127.0.0.1:9', adminToken: 'x'});
  for (const argv of [
    ['get', 'ws'],
    ['describe', 'ws', 'a'],
    ['user', 'whoami'],
    ['workspace', 'stop', 'a'],
  ]) {
    const {code, stderr} = await bench.nexus(argv);
    t.is(code, 7, argv.join(' '));
    t.regex(stderr, /hint: .*nexus server/);
  }
});

test('usage errors end with exit code 2, help and the version with 0', async t => {
  await using bench = await createBench();
  for (const argv of [
    ['frobnicate'],
    ['get'],
    ['get', 'ws', '--frob'],
    ['get', 'tokens'],
    ['logs', 'a/b/c'],
  ]) {
    t.is((await bench.nexus(argv)).code, 2, argv.join(' '));
  }

  t.regex((await bench.nexus(['--help'])).stdout, /^Usage: nexus/);
  t.is((await bench.nexus(['version'])).stdout, 'nexus 0.0.1-test\n');
  t.regex((await bench.nexus(['help', 'exit-codes'])).stdout, /^ {3}0 {2}Done/);
  t.regex((await bench.nexus(['help', 'workspace', 'stop'])).stdout, /^Usage: nexus workspace stop/);
});

test('edit applies what the editor leaves, and keeps a text that is refused', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await server.client.create('Workspace', workspaceNamed('a'));
  const edit = (editor: string) =>
    bench.nexus(['edit', 'ws/a'], {env: {EDITOR: editor, TMPDIR: bench.folder}});
  t.is((await edit('true')).stdout, 'workspace/a unchanged\n');
  t.is((await edit("sed -i 's/cpus: 2/cpus: 3/'")).stdout, 'workspace/a configured\n');
  t.is((await server.client.get('Workspace', 'a')).spec.resources.cpus, 3);
  const refused = await edit("sed -i 's/cpus: 3/cpus: none/'");
  t.is(refused.code, 2);
  const kept = /Your text is kept in (\S+):/.exec(refused.stderr)?.[1] ?? '';
  t.regex(await readFile(kept, 'utf8'), /cpus: none/);
  await rm(dirname(kept), {recursive: true});
  t.is((await edit('false')).code, 1);
});
