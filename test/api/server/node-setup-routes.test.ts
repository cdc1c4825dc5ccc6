import type {IncomingMessage} from 'node:http';
import {Socket} from 'node:net';
import {TLSSocket} from 'node:tls';
import test from 'ava';
import {isConfidential} from '../../../api/server/peer.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import {apiVersion} from '../../../api/v1alpha1/metadata.ts';
import {node as nodeSchema} from '../../../api/v1alpha1/node.ts';
import {createScriptedNodeSetup, hostKey, otherHostKey} from '../../fakes/scripted-node-setup.ts';
import type {Answer, TestServer} from './test-server.ts';
import {startServer, workspaceNamed} from './test-server.ts';

const setUp = (server: TestServer, json: object, name = 'box'): Promise<Answer> =>
  server.call(`/api/v1/nodes/${name}/setup`, {method: 'POST', json});
const outcomes = ({json}: Answer) =>
  json.map((event: {type: string; step?: string; outcome?: string; ok?: boolean}) =>
    event.type === 'finished' ? `${event.step} ${event.outcome}` : event.type,
  );
const declare = (server: TestServer, spec: object): Promise<Stored<'Node'>> =>
  server.client.create(
    'Node',
    nodeSchema.parse({apiVersion, kind: 'Node', metadata: {name: 'box', labels: {a: 'b'}}, spec}),
  );

test('a machine becomes a node as it turned out to be, told line by line', async t => {
  const nodeSetup = createScriptedNodeSetup();
  await using server = await startServer({nodeSetup});
  const answer = await setUp(server, {address: '10.0.0.7', host_key: hostKey, labels: {zone: 'b'}});
  t.is(answer.status, 200);
  t.regex(String(answer.headers['content-type']), /^application\/x-ndjson/);
  t.deepEqual(
    outcomes(answer).filter((each: string) => each !== 'started'),
    ['Name ok', 'HostKey ok', 'Login ok', 'Agent ok', 'Ready ok', 'ended'],
  );
  const {spec, metadata} = await server.client.get('Node', 'box');
  t.like(spec, {address: '10.0.0.7', user: 'root', port: 22, hostKey, local: false});
  t.deepEqual(metadata.labels, {zone: 'b'});
});

test('when a step fails nothing is declared', async t => {
  await using server = await startServer({
    nodeSetup: createScriptedNodeSetup({letsIn: true, failing: 'Agent'}),
  });
  const answer = await setUp(server, {address: '10.0.0.7', host_key: hostKey});
  t.like(answer.json.at(-1), {type: 'ended', ok: false});
  t.is((await server.call('/api/v1/nodes/box')).status, 404);
});

test('run again, what is not said stays as it was, and what is said is taken over', async t => {
  const nodeSetup = createScriptedNodeSetup();
  await using server = await startServer({nodeSetup});
  await declare(server, {address: '10.0.0.7', user: 'ops', port: 2222, hostKey, unschedulable: true});
  await setUp(server, {});
  t.like(nodeSetup.targets[0], {address: '10.0.0.7', user: 'ops', port: 2222, pinned: hostKey});
  const before = await server.client.get('Node', 'box');
  t.is(before.metadata.generation, 1, 'nothing was written');

  await setUp(server, {address: '10.0.0.8', user: 'dev', labels: {zone: 'b'}});
  const {spec, metadata} = await server.client.get('Node', 'box');
  t.like(spec, {address: '10.0.0.8', user: 'dev', port: 2222, unschedulable: true});
  t.deepEqual(metadata.labels, {a: 'b', zone: 'b'});
});

test('another host key is taken only on purpose, and who did it is written down', async t => {
  await using server = await startServer({nodeSetup: createScriptedNodeSetup()});
  await declare(server, {address: '10.0.0.7', hostKey: otherHostKey});
  const refused = await setUp(server, {host_key: hostKey});
  t.true(refused.json.some((event: {code?: string}) => event.code === 'HostKeyChanged'));
  t.is((await server.client.get('Node', 'box')).spec.hostKey, otherHostKey);

  await setUp(server, {host_key: hostKey, replace_host_key: true});
  t.is((await server.client.get('Node', 'box')).spec.hostKey, hostKey);
  const {items} = await server.client.list('Event');
  const event = items.find(({spec}) => spec.reason === 'HostKeyReplaced');
  t.regex(event?.spec.message ?? '', /^admin agreed to another host key: SHA256:\S+ in place of SHA256:/);
});

test('what is no node, no address and no other machine is refused before anything is tried', async t => {
  const nodeSetup = createScriptedNodeSetup();
  await using server = await startServer({nodeSetup});
  t.is((await setUp(server, {address: '10.0.0.7'}, 'No_Name')).status, 400);
  t.is((await setUp(server, {})).status, 400);
  t.is((await setUp(server, {address: '-oProxyCommand=x'})).status, 400);
  t.is((await setUp(server, {address: '10.0.0.7', host_key: 'none'})).status, 400);
  t.is((await setUp(server, {address: '10.0.0.7', user: 'a b'})).status, 400);
  await declare(server, {local: true});
  t.regex(
    (await setUp(server, {address: '10.0.0.7'})).json.error.message,
    /the machine of the server itself/,
  );
  t.deepEqual(nodeSetup.targets, []);
});

test('a password is taken over TLS and from this machine, and not over a network in the clear', t => {
  const from = (socket: object) => isConfidential({socket} as unknown as IncomingMessage);
  t.true(from({remoteAddress: '127.0.0.1'}));
  t.true(from({remoteAddress: '::1'}));
  t.true(from(new TLSSocket(new Socket())));
  t.false(from({remoteAddress: '10.0.0.1'}));
  t.false(from({remoteAddress: undefined}));
});

test('only admins may', async t => {
  await using server = await startServer({nodeSetup: createScriptedNodeSetup()});
  const {token} = await server.user('ada');
  for (const verb of ['setup', 'test', 'purge']) {
    const {status} = await server.call(`/api/v1/nodes/box/${verb}`, {method: 'POST', token, json: {}});
    t.is(status, 403, verb);
  }
});

test('a fault is the last line, and tells nothing that is the server’s own', async t => {
  const nodeSetup = {
    ...createScriptedNodeSetup(),
    prepare: async () => {
      throw new Error('secret detail');
    },
  };
  await using server = await startServer({nodeSetup});
  const answer = await setUp(server, {address: '10.0.0.7', host_key: hostKey});
  t.deepEqual(answer.json.length, 1);
  t.like(answer.json[0], {type: 'error', code: 'InternalError'});
  t.notRegex(answer.text, /secret detail/);
});

test('a client that goes away ends the work', async t => {
  const aborted = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  const nodeSetup = {
    ...createScriptedNodeSetup(),
    prepare: async (_target: unknown, {signal}: {signal: AbortSignal}) => {
      began.resolve();
      await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()));
      aborted.resolve();
      signal.throwIfAborted();
      return undefined;
    },
  };
  await using server = await startServer({nodeSetup});
  const leaving = new AbortController();
  const events = server.client.nodes.setUp('box', {address: '10.0.0.7'}, {signal: leaving.signal});
  const following = events[Symbol.asyncIterator]().next();
  await began.promise;
  leaving.abort(new Error('enough'));
  await t.throwsAsync(following, {message: 'enough'});
  await aborted.promise;
  t.pass();
});

test('a test is told line by line, of nodes that are there', async t => {
  await using server = await startServer({nodeSetup: createScriptedNodeSetup({failing: 'Agent'})});
  t.is((await server.call('/api/v1/nodes/box/test', {method: 'POST'})).status, 404);
  await declare(server, {address: '10.0.0.7', hostKey});
  const answer = await server.call('/api/v1/nodes/box/test', {method: 'POST'});
  t.deepEqual(
    outcomes(answer).filter((each: string) => each !== 'started'),
    ['Name ok', 'Agent failed', 'ended'],
  );
});

test('a node is purged once nothing is on it and nothing is kept there', async t => {
  const nodeSetup = createScriptedNodeSetup({kept: ['nexus-1234']});
  await using server = await startServer({nodeSetup});
  const purge = (json: object) => server.call('/api/v1/nodes/box/purge', {method: 'POST', json});
  await declare(server, {address: '10.0.0.7', hostKey});
  const created = await server.client.create('Workspace', workspaceNamed('web'));
  await server.storage.updateStatus('Workspace', {...created, status: {node: 'box'}});
  const occupied = await purge({force: true});
  t.is(occupied.status, 409);
  t.regex(occupied.json.error.message, /1 workspace is on node "box": web/);
  t.false((await server.client.get('Node', 'box')).spec.unschedulable, 'a refusal changes nothing');

  await server.storage.updateStatus('Workspace', {
    ...(await server.client.get('Workspace', 'web')),
    status: {},
  });
  t.regex(
    (await purge({})).json.error.message,
    /keeps 1 instances of deleted workspaces.*nexus-1234.*undelete/,
  );
  nodeSetup.machine.kept = undefined;
  t.regex((await purge({})).json.error.message, /is not heard, so what it keeps .* is not known/);
  t.deepEqual(nodeSetup.purged, []);

  const answer = await purge({force: true});
  t.like(answer.json.at(-1), {type: 'ended', ok: true});
  t.is(nodeSetup.purged[0]?.metadata.name, 'box');
  t.is((await server.call('/api/v1/nodes/box')).status, 404);
});

test('the machine of the server is not purged', async t => {
  await using server = await startServer({nodeSetup: createScriptedNodeSetup()});
  await declare(server, {local: true});
  const {status, json} = await server.call('/api/v1/nodes/box/purge', {method: 'POST', json: {}});
  t.is(status, 400);
  t.regex(json.error.hint, /hack\/down --purge/);
  t.is((await server.call('/api/v1/nodes/box')).status, 200);
});
