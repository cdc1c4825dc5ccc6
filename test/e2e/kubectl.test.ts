import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test from 'ava';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import type {Cluster} from '../api/storage/kubernetes/cluster.ts';
import {findCluster, needsCluster} from '../api/storage/kubernetes/cluster.ts';
import {eventually} from './eventually.ts';
import type {Installation} from './installation.ts';
import {createInstallation} from './installation.ts';
import {conditionOf, fetchText, smallSpec} from './workspaces.ts';

const cluster = await findCluster();
if (cluster === undefined) {
  needsCluster('kubectl');
} else {
  onBackend(backends[0], ({socket, tarball}) => byKubectl(cluster, {socket, tarball}));
}

/** A workspace's whole life by kubectl alone; each test goes on where the last one ended. */
function byKubectl(
  {kubeconfig, kubectl: call, run}: Cluster,
  backend: {socket: string; tarball: string},
): void {
  const namespace = `nexus-test-kubectl-${process.pid}`;
  const store = ['--store', 'kubernetes', '--kubeconfig', kubeconfig, '--namespace', namespace];
  const kubectl = (args: readonly string[], input?: string) =>
    call(['--namespace', namespace, ...args], input);
  const get = async (name: string) => JSON.parse(await kubectl(['get', 'workspace', name, '-o', 'json']));
  const manifest = (name: string, spec: object) =>
    JSON.stringify({apiVersion: 'nexus.dev/v1alpha1', kind: 'Workspace', metadata: {name}, spec});
  const untilPhase = (name: string, phase: string) =>
    eventually(
      async () => {
        const {status} = await get(name);
        assert.equal(status?.phase, phase, JSON.stringify(status?.conditions));
      },
      {timeout: 60_000},
    );
  let nexus: Installation;
  let uid = '';

  test.before(async () => {
    await kubectl(['create', 'namespace', namespace]).catch(() => undefined);
    nexus = await createInstallation({...backend, serverArguments: store});
  });
  test.after.always(async () => {
    await nexus?.[Symbol.asyncDispose]();
    await kubectl(['delete', 'namespace', namespace, '--wait=false']).catch(() => undefined);
    await cluster?.[Symbol.asyncDispose]();
  });

  test.serial('what is applied becomes Ready, and kubectl wait and get -w see it', async t => {
    const seen = spawn('kubectl', [
      '--kubeconfig',
      kubeconfig,
      '-n',
      namespace,
      'get',
      'ws',
      '-w',
      '--no-headers',
    ]);
    const lines: string[] = [];
    seen.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(text));
    try {
      await kubectl(['apply', '-f', '-'], manifest('hello', smallSpec));
      await kubectl(['wait', '--for=condition=Ready', '--timeout=90s', 'ws/hello']);
      await eventually(async () => assert.match(lines.join(''), /hello +Running +True +local +\d+/));
      t.regex(lines.join(''), /hello +(?:Pending|Creating) /);
    } finally {
      seen.kill();
    }

    uid = (await get('hello')).metadata.uid;
    const [instance] = await nexus.backend.find(uid);
    t.is(instance?.status, 'Running');
    const workspace = await nexus.client().get('Workspace', 'hello');
    t.is(workspace.metadata.uid, uid);
    t.regex(await fetchText(workspace, 'web'), /^\d+$/);
    t.is((await nexus.cli('ssh', 'hello', '--', 'whoami')).stdout.trim(), 'dev');
  });

  test.serial('its conditions are described, and what happened is told in events', async t => {
    const description = await kubectl(['describe', 'ws', 'hello']);
    for (const condition of ['Scheduled', 'Provisioned', 'ServicesHealthy', 'Ready']) {
      t.regex(description, new RegExp(`Type: +${condition}`));
    }

    const events = await kubectl(['get', 'nxev', '--field-selector', 'spec.regarding.name=hello']);
    t.regex(events, /LAST +TYPE +REASON +KIND +NAME +MESSAGE/);
    for (const reason of ['InstanceCreated', 'InstanceStarted', 'Ready']) {
      t.regex(events, new RegExp(`Normal +${reason} +Workspace +hello`));
    }
  });

  test.serial('fields of other managers stay theirs', async t => {
    const spec = {...smallSpec, env: {TEAM: 'blue'}};
    const asTeam = (text: string) =>
      kubectl(['apply', '--server-side', '--field-manager=team', '--force-conflicts', '-f', '-'], text);
    await asTeam(manifest('hello', spec));
    // Nexus writes its status and more meanwhile: what it wrote is no conflict.
    await eventually(async () => {
      const {metadata, status} = await get('hello');
      assert.equal(status.observedGeneration, metadata.generation);
    });
    await kubectl(
      ['apply', '--server-side', '--field-manager=team', '-f', '-'],
      manifest('hello', {...spec, env: {TEAM: 'red'}}),
    );
    const {metadata} = JSON.parse(
      await kubectl(['get', 'ws', 'hello', '-o', 'json', '--show-managed-fields']).catch(() =>
        kubectl(['get', 'ws', 'hello', '-o', 'json']),
      ),
    );
    t.deepEqual(metadata.finalizers, ['nexus.dev/instance']);
    const own = metadata.managedFields.filter(({manager}: {manager: string}) => manager === 'nexus');
    t.true(own.length > 0);
    for (const {fieldsV1} of own) {
      t.is(fieldsV1['f:spec'], undefined, 'no field of spec is Nexus');
    }
  });

  test.serial('a finalizer that is taken away by hand comes back', async t => {
    await kubectl(['patch', 'ws', 'hello', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
    await eventually(async () =>
      assert.deepEqual((await get('hello')).metadata.finalizers, ['nexus.dev/instance']),
    );
    t.pass();
  });

  test.serial('what is patched is done', async t => {
    await kubectl(['patch', 'ws', 'hello', '--type=merge', '-p', '{"spec":{"running":false}}']);
    await untilPhase('hello', 'Stopped');
    t.is((await nexus.backend.find(uid))[0]?.status, 'Stopped');
    await kubectl(['patch', 'ws', 'hello', '--type=merge', '-p', '{"spec":{"running":true}}']);
    await untilPhase('hello', 'Running');
    await kubectl(['wait', '--for=condition=Ready', '--timeout=60s', 'ws/hello']);
  });

  test.serial('what no rule could refuse is said in a condition, and goes on once it is mended', async t => {
    const service = (name: string, other: string) => ({name, command: 'true', dependsOn: [other]});
    const spec = {...smallSpec, running: false, services: [service('a', 'b'), service('b', 'a')]};
    await kubectl(['apply', '-f', '-'], manifest('cyclic', spec));
    await eventually(async () => {
      const ready = conditionOf(await nexus.client().get('Workspace', 'cyclic'), 'Ready');
      assert.equal(ready.reason, 'InvalidSpec');
      assert.match(ready.message, /a → b → a/);
    });
    await kubectl(['apply', '-f', '-'], manifest('cyclic', {...spec, services: []}));
    await untilPhase('cyclic', 'Stopped');
    await kubectl(['delete', 'ws', 'cyclic', '--timeout=60s']);
    t.pass();
  });

  test.serial(
    'a server of another installation is refused, and says what servers of one store must have in common',
    async t => {
      const home = await mkdtemp(path.join(tmpdir(), 'nx-second-'));
      try {
        const second = await nexus.cliWith(
          {env: {NEXUS_HOME: home}},
          'server',
          '--port',
          '0',
          '--no-gateway',
          ...store,
        );
        t.is(second.code, 8, second.stderr);
        t.regex(second.stderr, /is of installation .*all its servers must have the same keys/);
      } finally {
        await rm(home, {recursive: true, force: true});
      }
    },
  );

  test.serial('a server that is started again goes on with what there is', async t => {
    const [before] = await nexus.backend.find(uid);
    t.is(await nexus.server().stop(), 0);
    await kubectl(['apply', '-f', '-'], manifest('meanwhile', {...smallSpec, services: []}));
    await nexus.startServer();
    await kubectl(['wait', '--for=condition=Ready', '--timeout=90s', 'ws/meanwhile', 'ws/hello']);
    const [after] = await nexus.backend.find(uid);
    t.deepEqual(after, before);
    const ports = (await nexus.client().list('Workspace')).items.flatMap(({status}) => status?.ports ?? []);
    t.is(new Set(ports.map(({nodePort}) => nodePort)).size, 3);
  });

  test.serial('what is deleted is gone once its instance is', async t => {
    await kubectl(['delete', 'ws', 'hello', 'meanwhile', '--timeout=90s']);
    t.deepEqual(await nexus.backend.find(uid), []);
    t.is(await kubectl(['get', 'ws', '-o', 'name']), '');
    await eventually(async () => assert.equal(await kubectl(['get', 'portclaims', '-o', 'name']), ''));
    t.is((await run(['-n', namespace, 'get', 'ws', 'hello'])).code, 1);
  });
}
