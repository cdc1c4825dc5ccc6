import test from 'ava';
import type {ResourceEvent} from '../../../api/client/resource-client.ts';
import {follow} from '../../../api/client/watch.ts';
import {startServer, workspaceNamed} from './test-server.ts';

async function take<T>(events: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) {
      break;
    }
  }

  return taken;
}

function summary(event: ResourceEvent<'Workspace'>): string {
  return event.type === 'BOOKMARK' ? 'BOOKMARK' : `${event.type} ${event.object.metadata.name}`;
}

test('a watch tells every change after its revision, once and in order', async t => {
  await using server = await startServer();
  const {client} = server;
  const {resourceVersion} = await client.list('Workspace');
  const a = await client.create('Workspace', workspaceNamed('a'));
  await client.update('Workspace', {...a, spec: {...a.spec, running: false}});
  await client.delete('Workspace', 'a');
  const events = await take(client.watch('Workspace', {resourceVersion}), 4);
  t.deepEqual(events.map(summary), ['BOOKMARK', 'ADDED a', 'MODIFIED a', 'MODIFIED a']);
});

test('without a revision all that exists is told first', async t => {
  await using server = await startServer();
  const {client} = server;
  await client.create('Workspace', workspaceNamed('a'));
  await client.create('Workspace', workspaceNamed('b'));
  t.deepEqual((await take(client.watch('Workspace'), 2)).map(summary), ['ADDED a', 'ADDED b']);
});

test('a watcher sees what comes to match its selector as ADDED, what ceases to as DELETED', async t => {
  await using server = await startServer();
  const {client} = server;
  const {resourceVersion} = await client.list('Workspace');
  const watching = take(client.watch('Workspace', {resourceVersion, labelSelector: 'team=x'}), 3);
  await client.create('Workspace', workspaceNamed('a'));
  await client.patch('Workspace', 'a', {patch: {metadata: {labels: {team: 'x'}}}});
  await client.patch('Workspace', 'a', {patch: {metadata: {labels: {team: 'y'}}}});
  t.deepEqual((await watching).map(summary), ['BOOKMARK', 'ADDED a', 'DELETED a']);
});

test('a quiet watch is kept alive by bookmarks, for those who want them', async t => {
  await using server = await startServer({}, {bookmarkInterval: 10});
  const {resourceVersion} = await server.client.list('Workspace');
  const events = await take(server.client.watch('Workspace', {resourceVersion}), 3);
  t.deepEqual(events.map(summary), ['BOOKMARK', 'BOOKMARK', 'BOOKMARK']);
  const {text} = await server.call(
    `/apis/nexus.dev/v1alpha1/workspaces?watch=1&resourceVersion=${resourceVersion}&timeoutSeconds=1`,
  );
  t.is(text, '');
});

test('an initial list by watching ends with a bookmark that says so', async t => {
  await using server = await startServer();
  await server.client.create('Workspace', workspaceNamed('a'));
  const {text} = await server.call(
    '/apis/nexus.dev/v1alpha1/workspaces?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1',
  );
  const lines = text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  t.deepEqual(
    lines.map(({type}) => type),
    ['ADDED', 'BOOKMARK'],
  );
  t.is(lines[1].object.metadata.annotations['k8s.io/initial-events-end'], 'true');
});

test('a revision that is no longer retained is told as Expired with 410', async t => {
  await using server = await startServer();
  const {text} = await server.call(
    '/apis/nexus.dev/v1alpha1/workspaces?watch=1&resourceVersion=99999999&timeoutSeconds=1',
  );
  const {type, object} = JSON.parse(text);
  t.is(type, 'ERROR');
  t.is(object.kind, 'Status');
  t.is(object.code, 410);
  t.is(object.reason, 'Expired');
  await t.throwsAsync(take(server.client.watch('Workspace', {resourceVersion: '99999999'}), 2), {
    code: 'Expired',
  });
});

test('following lists, then tells changes, and goes on when the server comes back', async t => {
  await using server = await startServer();
  const {client} = server;
  await client.create('Workspace', workspaceNamed('a'));
  const stop = new AbortController();
  const changes = follow(client, 'Workspace', {signal: stop.signal})[Symbol.asyncIterator]();
  const next = async () => (await changes.next()).value;
  t.like(await next(), {type: 'Listed', items: [{metadata: {name: 'a'}}]});
  await client.create('Workspace', workspaceNamed('b'));
  t.like(await next(), {type: 'Added', object: {metadata: {name: 'b'}}});
  await client.patch('Workspace', 'b', {patch: {spec: {running: false}}});
  t.like(await next(), {type: 'Modified', object: {metadata: {name: 'b'}}});
  stop.abort();
  t.true((await changes.next()).done);
});

test('the server ends watches when it stops', async t => {
  const server = await startServer();
  const {resourceVersion} = await server.client.list('Workspace');
  const events: string[] = [];
  const opened = Promise.withResolvers<void>();
  const watching = (async () => {
    for await (const event of server.client.watch('Workspace', {resourceVersion})) {
      events.push(summary(event));
      opened.resolve();
    }
  })();
  await opened.promise;
  await server[Symbol.asyncDispose]();
  await t.notThrowsAsync(watching.catch((error: unknown) => t.like(error, {code: 'Unreachable'})));
  t.deepEqual(events, ['BOOKMARK']);
});
