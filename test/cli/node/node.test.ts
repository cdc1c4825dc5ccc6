import test from 'ava';
import {apiVersion} from '../../../api/v1alpha1/metadata.ts';
import {node as nodeSchema} from '../../../api/v1alpha1/node.ts';
import type {TestServer} from '../../api/server/test-server.ts';
import {startServer, workspaceNamed} from '../../api/server/test-server.ts';
import {createScriptedNodeSetup, hostKey, otherHostKey} from '../../fakes/scripted-node-setup.ts';
import {createBench} from '../run-cli.ts';

async function bench(nodeSetup = createScriptedNodeSetup()) {
  const server = await startServer({nodeSetup, allowedHosts: ['0.0.0.0']});
  const cli = await createBench(server);
  return {
    server,
    nodeSetup,
    nexus: cli.nexus,
    async [Symbol.asyncDispose]() {
      await cli[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const add = ['node', 'add', 'box', '127.0.0.1'];
const declare = (server: TestServer, spec: object) =>
  server.client.create('Node', nodeSchema.parse({apiVersion, kind: 'Node', metadata: {name: 'box'}, spec}));

test('the steps are told as they end, each once, and the node is Ready at the end', async t => {
  await using bed = await bench();
  const {code, stdout, stderr} = await bed.nexus([
    ...add,
    ...['--yes', '--label', 'zone=b', '--port', '2222', '--user', 'ops'],
  ]);
  t.is(code, 0, stderr);
  t.regex(stdout, /^node\/box is Ready \(\d+\.\d s\)\n$/);
  t.deepEqual(
    stderr
      .split('\n')
      .filter(Boolean)
      .map(line => line.replace(/ +/g, ' ')),
    [
      '✓ Name Name is well (0.0s)',
      'The machine shows the host key ssh-ed25519 SHA256:hWw61Z7OLum+k0+iADb6Hu/1evq7RYR+4xFwVTq74sA',
      '✓ Host key HostKey is well (0.0s)',
      '✓ Login Login is well (0.0s)',
      '✓ Agent Agent is well (0.0s)',
      '✓ Ready Ready is well (0.0s)',
    ],
  );
  const {metadata, spec} = await bed.server.client.get('Node', 'box');
  t.deepEqual(metadata.labels, {zone: 'b'});
  t.like(spec, {user: 'ops', port: 2222, hostKey});
});

test('without a person or a word from one, no host key is agreed to', async t => {
  await using bed = await bench();
  const {code, stderr} = await bed.nexus(add);
  t.is(code, 9);
  t.regex(stderr, /✗ Host key/);
  t.is(bed.nodeSetup.targets.length, 1);
  const given = await bed.nexus([...add, '--host-key', `${hostKey} comment`]);
  t.is(given.code, 0, given.stderr);
  t.is(bed.nodeSetup.targets[1]?.accepted, hostKey);
});

test('a pinned key is replaced with --replace-host-key, and with --yes alone is not', async t => {
  await using bed = await bench();
  await declare(bed.server, {address: '127.0.0.1', hostKey: otherHostKey});
  const refused = await bed.nexus([...add, '--yes']);
  t.is(refused.code, 9, refused.stderr);
  const replaced = await bed.nexus([...add, '--yes', '--replace-host-key']);
  t.is(replaced.code, 0, replaced.stderr);
  t.is((await bed.server.client.get('Node', 'box')).spec.hostKey, hostKey);
});

test('a password is read only when it is needed, goes to the server alone, and is not shown', async t => {
  const nodeSetup = createScriptedNodeSetup({password: 'open-sesame'});
  await using bed = await bench(nodeSetup);
  const call = [...add, '--yes', '--bootstrap-password'];
  const wrong = await bed.nexus(call, {stdin: 'open-barley\n'});
  t.is(wrong.code, 1);
  t.regex(wrong.stderr, /✗ Login/);
  const {code, stderr} = await bed.nexus(call, {stdin: 'open-sesame\n'});
  t.is(code, 0, stderr);
  t.notRegex(stderr, /sesame/);
  t.deepEqual(
    nodeSetup.targets.map(({password}) => password),
    [undefined, undefined, 'open-barley', undefined, undefined, 'open-sesame'],
  );
  const again = await bed.nexus(call, {stdin: ''});
  t.is(again.code, 0, 'the key opens it now');
  const none = await bench(createScriptedNodeSetup({password: 'x'}));
  t.is((await none.nexus(call, {stdin: ''})).code, 2);
  await none[Symbol.asyncDispose]();
});

test('a password is not sent over a network in the clear', async t => {
  await using bed = await bench(createScriptedNodeSetup({password: 'x'}));
  const {code, stderr} = await bed.nexus([...add, '--yes', '--bootstrap-password'], {
    stdin: 'x',
    // Another name of this machine, which is no loopback by its looks.
    env: {NEXUS_SERVER: bed.server.url.replace('127.0.0.1', '0.0.0.0')},
  });
  t.is(code, 9, stderr);
  t.regex(stderr, /would cross the network .* in the clear/);
});

test('what helps is told below the step that failed, and again by programs’ formats', async t => {
  await using bed = await bench(createScriptedNodeSetup({letsIn: true, failing: 'Agent'}));
  const {code, stderr, stdout} = await bed.nexus([...add, '--yes']);
  t.is(code, 1);
  t.is(stdout, '');
  t.regex(
    stderr,
    /✗ Agent {7}Agent is ill \(0\.0s\)\n {14}mend Agent\nerror: node box was not added: Agent is ill/,
  );
  const json = await bed.nexus([...add, '--yes', '-o', 'json']);
  t.is(json.code, 1);
  const {ok, steps} = JSON.parse(json.stdout);
  t.false(ok);
  t.like(steps.at(-1), {step: 'Agent', outcome: 'failed', code: 'Refused', cure: ['mend Agent']});
});

test('what can not be meant is refused before the server is asked', async t => {
  await using bed = await bench();
  for (const wrong of [
    ['--port', '0'],
    ['--port', 'x'],
    ['--label', 'zone'],
    ['-o', 'xml'],
  ]) {
    t.is((await bed.nexus([...add, '--yes', ...wrong])).code, 2, wrong.join(' '));
  }
  t.deepEqual(bed.nodeSetup.targets, []);
});

test('node test tells each check, and its exit code says whether all is well', async t => {
  await using bed = await bench(createScriptedNodeSetup({letsIn: true}));
  await declare(bed.server, {address: '127.0.0.1', hostKey});
  const well = await bed.nexus(['node', 'test', 'node/box']);
  t.is(well.code, 0);
  t.regex(well.stdout, /^✓ Name .*\n✓ Agent .*\n$/);
  bed.nodeSetup.machine.failing = 'Agent';
  const ill = await bed.nexus(['node', 'test', 'box']);
  t.is(ill.code, 1);
  t.regex(ill.stdout, /✗ Agent {7}Agent is ill \(0\.0s\)\n {14}mend Agent\n$/);
  const yaml = await bed.nexus(['node', 'test', 'box', '-o', 'yaml']);
  t.regex(yaml.stdout, /^node: box\nok: false\n/);
  t.is((await bed.nexus(['node', 'test', 'nothing'])).code, 5);
});

test('a node with workspaces is not removed, and which they are is said; by force it is forgotten, and what is left is said', async t => {
  await using bed = await bench();
  await declare(bed.server, {address: '10.0.0.7', user: 'ops', hostKey});
  const created = await bed.server.client.create('Workspace', workspaceNamed('web'));
  await bed.server.storage.updateStatus('Workspace', {...created, status: {node: 'box'}});
  for (const flags of [[], ['--purge'], ['--purge', '--force']]) {
    const refused = await bed.nexus(['node', 'remove', 'box', ...flags]);
    t.is(refused.code, 8, flags.join(' '));
    t.regex(refused.stderr, /still has 1 workspace\n {2}workspace\/web\nhint: .*nexus node drain box/);
  }
  const forced = await bed.nexus(['node', 'remove', 'box', '--force']);
  t.is(forced.code, 0);
  t.is(forced.stdout, 'node/box removed\n');
  t.regex(forced.stderr, /Left on ops@10\.0\.0\.7:\n {2}1 workspace: workspace\/web\n/);
  t.regex(forced.stderr, /the agent in ~ops\/\.nexus/);
  t.regex(forced.stderr, /the server's key in ~ops\/\.ssh\/authorized_keys/);
});

test('a purge takes everything away, and says what it could not', async t => {
  await using bed = await bench();
  await declare(bed.server, {address: '10.0.0.7', hostKey});
  const {code, stdout, stderr} = await bed.nexus(['node', 'remove', 'box', '--purge']);
  t.is(code, 0, stderr);
  t.is(stdout, 'node/box removed\n');
  t.regex(stderr, /^✓ Backend/);

  bed.nodeSetup.machine.failing = 'Backend';
  await declare(bed.server, {address: '10.0.0.7', hostKey});
  const failed = await bed.nexus(['node', 'remove', 'box', '--purge']);
  t.is(failed.code, 1);
  t.regex(failed.stderr, /not everything could be taken away from root@10\.0\.0\.7: Backend is ill/);
  t.is((await bed.nexus(['node', 'status', 'box'])).code, 5, 'it is forgotten all the same');
});

test('what a machine keeps of deleted workspaces is not purged without force', async t => {
  await using bed = await bench(createScriptedNodeSetup({letsIn: true, kept: ['nexus-1234']}));
  await declare(bed.server, {address: '10.0.0.7', hostKey});
  const refused = await bed.nexus(['node', 'remove', 'box', '--purge']);
  t.is(refused.code, 8);
  t.regex(refused.stderr, /nexus-1234/);
  t.is((await bed.nexus(['node', 'remove', 'box', '--purge', '--force'])).code, 0);
});

test('the wide list and the status page show what is set aside and what is free', async t => {
  await using bed = await bench();
  const node = await declare(bed.server, {address: '10.0.0.7', hostKey});
  const size = {cpus: 4, memory: 8 * 2 ** 30, disk: 100 * 2 ** 30};
  await bed.server.storage.updateStatus('Node', {...node, status: {capacity: size, allocatable: size}});
  const created = await bed.server.client.create('Workspace', workspaceNamed('web'));
  const reserved = {cpus: 0.5, memory: 2 ** 30, disk: 10 * 2 ** 30};
  await bed.server.storage.updateStatus('Workspace', {...created, status: {node: 'box', reserved}});

  const wide = await bed.nexus(['node', 'list', '-o', 'wide']);
  t.regex(wide.stdout, /RESERVED +FREE\n/);
  t.regex(wide.stdout, /0\.5 cpus, 1 GiB memory, 10 GiB disk +31\.5 cpus, 7 GiB memory, 90 GiB disk\n$/);
  const page = await bed.nexus(['node', 'status', 'box']);
  t.regex(page.stdout, /Reserved: +0\.5 cpus, 1 GiB memory, 10 GiB disk\nFree: +31\.5 cpus/);
  t.regex(page.stdout, /Workspaces:\n +NAME/);
  t.regex(page.stdout, /\n +web +/);
  t.is(JSON.parse((await bed.nexus(['node', 'status', 'box', '-o', 'json'])).stdout).kind, 'Node');
  t.is((await bed.nexus(['node', 'ls', '-o', 'name'])).stdout, 'node/box\n');
});
