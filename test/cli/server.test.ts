import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {PassThrough} from 'node:stream';
import test from 'ava';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import {createClient} from '../../api/client/client.ts';
import {systemClock} from '../../api/effects/clock.ts';
import {silentLogger} from '../../api/effects/logger.ts';
import {systemRandom} from '../../api/effects/random.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {InstanceAccess} from '../../cli/server/instance-access.ts';
import {createLiveInstances} from '../../cli/server/live-instances.ts';
import type {Server} from '../../cli/server/serve.ts';
import {serve} from '../../cli/server/serve.ts';
import {runProgram} from '../../cli/spawned.ts';
import {noInstaller} from '../fakes/no-installer.ts';
import {fresh, shop} from './output/literals.ts';
import type {CliBench} from './run-cli.ts';
import {createBench} from './run-cli.ts';

const start = (
  home: string,
  {port = 0, tls}: {port?: number; tls?: {certificate: string; key: string}} = {},
): Promise<Server> =>
  serve({
    home,
    host: '127.0.0.1',
    port,
    connect: async () => {
      throw new AgentError('Disconnected', 'there is no agent in this test');
    },
    installer: noInstaller,
    version: '0.0.1-test',
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    ...(tls === undefined ? {} : {tls}),
  });

const token = async (home: string) => (await readFile(path.join(home, 'admin-token'), 'utf8')).trim();

test('a server makes its home, its admin and the local node once, and finds them again', async t => {
  await using bench = await createBench();
  const {home} = bench;
  {
    await using server = await start(home);
    await using client = createClient({url: server.url, token: await token(home)});
    t.is((await client.get('Node', 'local')).spec.local, true);
    await client.patch('Node', 'local', {patch: {spec: {unschedulable: true}}});
    t.is((await client.health()).controller?.status, 'ok');
  }

  const before = await token(home);
  await using server = await start(home);
  await using client = createClient({url: server.url, token: before});
  t.is(await token(home), before);
  t.true((await client.get('Node', 'local')).spec.unschedulable);
});

test('the local node whose agent does not come says why', async t => {
  await using bench = await createBench();
  await using server = await start(bench.home);
  const {stdout} = await bench.nexus(
    ['wait', 'node/local', '--for=condition=Ready=False', '--timeout', '20s'],
    {env: {NEXUS_SERVER: server.url}},
  );
  t.is(stdout, 'node/local condition met\n');
  const {stdout: described} = await bench.nexus(['describe', 'node', 'local']);
  t.regex(described, /there is no agent in this test/);
});

test('a second server on the same store is refused, and one after the first has ended is not', async t => {
  await using bench = await createBench();
  {
    await using _server = await start(bench.home);
    await t.throwsAsync(start(bench.home), {message: /is in use by the nexus server with process id/});
  }

  await using again = await start(bench.home);
  t.regex(again.url, /^http:/);
});

test('a server that can not listen lets go of its store', async t => {
  await using bench = await createBench();
  await using other = await createBench();
  await using taken = await start(other.home);
  const blocked = start(bench.home, {port: Number(new URL(taken.url).port)});
  await t.throwsAsync(blocked, {code: 'EADDRINUSE'});
  await using server = await start(bench.home);
  t.regex(server.url, /^http:/);
});

test('over TLS, commands trust the authority that they are given, and no other', async t => {
  await using bench = await createBench();
  const tls = await selfSigned(bench);
  await using server = await start(bench.home, {tls});
  t.regex(server.url, /^https:/);
  const untrusted = await bench.nexus(['user', 'whoami']);
  t.is(untrusted.code, 7);
  t.regex(untrusted.stderr, /self-signed certificate/);
  const {code, stdout, stderr} = await bench.nexus(['user', 'whoami'], {
    env: {NEXUS_CA: path.join(bench.folder, 'cert.pem')},
  });
  t.is(code, 0, stderr);
  t.regex(stdout, /^admin \(admin/);
});

test('what runs in a workspace is asked of its node, and of none while it has none', async t => {
  const asked: unknown[] = [];
  const agents: InstanceAccess = {
    async open(node, method, params) {
      asked.push([node, method, params]);
      throw new AgentError('Disconnected', 'enough');
    },
    async restartService(node, params) {
      asked.push([node, 'service/restart', params]);
      throw new AgentError('Disconnected', 'enough');
    },
  };
  const live = createLiveInstances(agents, holding([shop, fresh]));
  const {uid} = shop.metadata;
  const {signal} = new AbortController();
  await t.throwsAsync(
    live.exec(shop, {command: ['id'], user: 'dev', env: {}, tty: {columns: 80, rows: 24, term: 'x'}}, signal),
  );
  await t.throwsAsync(live.logs(shop, {type: 'setup'}, {follow: true, tail: 3, signal}));
  await t.throwsAsync(live.tunnel(shop, 3000, signal));
  await t.throwsAsync(live.restartService(shop, 'web', signal));
  t.deepEqual(asked, [
    [
      'local',
      'exec/start',
      {uid, command: ['id'], user: 'dev', env: {}, tty: {columns: 80, rows: 24, term: 'x'}},
    ],
    ['local', 'logs/start', {uid, source: {type: 'setup'}, follow: true, tail: 3}],
    ['local', 'tunnel/open', {uid, port: 3000}],
    ['local', 'service/restart', {uid, service: 'web'}],
  ]);
  const placed = async () => live.tunnel(fresh, 3000, signal);
  await t.throwsAsync(placed(), {message: /is not on a node yet/});
});

test('what an agent refuses is told in the names of workspace and node', async t => {
  const {signal} = new AbortController();
  const {uid} = shop.metadata;
  let refusal = new AgentError('NotPermittedNow', `nexus-${uid} is Stopped, not Running`);
  const cut = Promise.withResolvers<never>();
  cut.promise.catch(() => undefined);
  const agents: InstanceAccess = {
    async open() {
      const [input, output, errorOutput] = [new PassThrough(), new PassThrough(), new PassThrough()];
      return {input, output, errorOutput, finished: cut.promise, resize() {}, abort() {}};
    },
    async restartService() {
      throw refusal;
    },
  };
  const live = createLiveInstances(agents, holding([shop]));
  const restart = () => live.restartService(shop, 'web', signal);
  await t.throwsAsync(restart, {message: 'workspace shop is Stopped, not Running'});
  refusal = new AgentError('Disconnected', 'the peer ended the connection');
  const message = 'the connection to node local was lost: the peer ended the connection';
  await t.throwsAsync(restart, {message});
  const stream = await live.exec(shop, {command: ['id'], user: 'dev', env: {}}, signal);
  cut.reject(refusal);
  await t.throwsAsync(stream.finished, {message});
  refusal = new AgentError('Disconnected', 'node local is not connected: connecting');
  await t.throwsAsync(restart, {message: 'node local is not connected: connecting'});
});

test('a workspace that claims the uid of another is let into nothing', async t => {
  const {signal} = new AbortController();
  const asked: string[] = [];
  const forged = {...shop, metadata: {...shop.metadata, name: 'forged'}};
  const agents: InstanceAccess = {
    async open(_node, method) {
      asked.push(method);
      throw new AgentError('Disconnected', 'enough');
    },
    async restartService() {
      asked.push('service/restart');
    },
  };
  const live = createLiveInstances(agents, holding([shop, forged]));
  for (const ask of [
    () => live.exec(forged, {command: ['id'], user: 'dev', env: {}}, signal),
    () => live.logs(forged, {type: 'setup'}, {follow: false, signal}),
    () => live.tunnel(forged, 22, signal),
    () => live.restartService(forged, 'web', signal),
  ]) {
    await t.throwsAsync(ask, {code: 'NotPermittedNow', message: /forged is not let in: it claims the uid/});
  }

  t.deepEqual(asked, []);
});

/** Caches of these workspaces alone. */
function holding(present: readonly Stored<'Workspace'>[]) {
  const workspaces = {
    byIndex: (_: string, uid: string) => present.filter(({metadata}) => metadata.uid === uid),
  };
  return {async synced() {}, workspaces};
}

async function selfSigned({folder}: CliBench): Promise<{certificate: string; key: string}> {
  const [keyFile, certFile] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  await runProgram('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-keyout', keyFile, '-out', certFile, '-days', '2', '-subj', '/CN=nexus'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1'],
  ]);
  return {certificate: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8')};
}
