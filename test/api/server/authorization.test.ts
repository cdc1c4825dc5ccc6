import test from 'ava';
import {timestampAt} from '../../../api/effects/clock.ts';
import {apiVersion} from '../../../api/v1alpha1/metadata.ts';
import {node as nodeSchema} from '../../../api/v1alpha1/node.ts';
import {sshKey, startServer, workspaceNamed} from './test-server.ts';

const collection = '/apis/nexus.dev/v1alpha1/workspaces';

test('without a token only probes are answered', async t => {
  // More routes than a stranger may ask for in a second.
  const strangers = {perSecond: 10_000, burst: 10_000};
  await using server = await startServer({limits: {strangers}});
  for (const route of server.app.routes) {
    const path = route.path.replaceAll(/\{\w+\}/g, 'x');
    const {status} = await server.call(path, {method: methodOf(route.method), token: null});
    if (route.access === 'open' || route.access === 'loopback') {
      t.not(status, 403, path);
    } else {
      t.is(status, 401, `${route.method} ${path}`);
    }
  }
});

test('a token that is wrong, or none of ours, is refused with what to do', async t => {
  await using server = await startServer();
  for (const token of ['nexus_wrong', 'ghp_of_github', `${server.adminToken}x`]) {
    const {status, headers, json} = await server.call('/api/v1/workspaces', {token});
    t.is(status, 401);
    t.is(headers['www-authenticate'], 'Bearer realm="nexus"');
    t.regex(json.error.hint, /token/);
  }

  const basic = await server.call('/api/v1/workspaces', {
    token: null,
    headers: {authorization: 'Basic YTpi'},
  });
  t.is(basic.status, 401);
});

test('a token ends with its time, its deletion, and its user', async t => {
  await using server = await startServer();
  const {client} = server;
  const {client: ada} = await server.user('ada');
  const {token, token_id: id} = await ada.users.createToken('me', {
    description: 'laptop',
    expires_in_seconds: 3600,
  });
  t.is((await server.call('/api/v1/workspaces', {token})).status, 200);
  t.true(
    (await ada.users.listTokens('me')).some(known => known.token_id === id && known.description === 'laptop'),
  );
  await ada.users.deleteToken('me', id);
  t.is((await server.call('/api/v1/workspaces', {token})).status, 401);

  const [stored] = (await server.storage.list('Token', {fields: {'spec.user': 'ada'}})).items;
  t.truthy(stored);
  if (stored !== undefined) {
    await server.storage.update('Token', {...stored, spec: {...stored.spec, expiresAt: timestampAt(0)}});
  }

  await t.throwsAsync(ada.users.get('me'), {code: 'Unauthorized'});
  const {token: another} = await client.users.createToken('ada', {});
  t.is((await server.call('/api/v1/workspaces', {token: another})).status, 200);
  await client.delete('User', 'ada');
  t.is((await server.call('/api/v1/workspaces', {token: another})).status, 401);
  t.is((await server.storage.list('Token', {fields: {'spec.user': 'ada'}})).items.length, 0);
});

test("a user's tokens can't be taken by another user", async t => {
  await using server = await startServer();
  const {client: ada} = await server.user('ada');
  const {client: bob} = await server.user('bob');
  const {token_id: id} = await ada.users.createToken('me', {});
  await t.throwsAsync(bob.users.createToken('ada', {}), {code: 'NotFound'});
  await t.throwsAsync(bob.users.listTokens('ada'), {code: 'NotFound'});
  await t.throwsAsync(bob.users.deleteToken('ada', id), {code: 'NotFound'});
  await t.throwsAsync(bob.users.deleteToken('me', id), {code: 'NotFound'});
});

test("others' workspaces are not there: not to read, to list, to watch, to change or to delete", async t => {
  await using server = await startServer();
  const {client: ada} = await server.user('ada');
  const {client: bob, token} = await server.user('bob');
  const web = await ada.create('Workspace', workspaceNamed('web', {owner: 'ada'}));
  const {uid} = web.metadata;

  await t.throwsAsync(bob.get('Workspace', 'web'), {code: 'NotFound'});
  t.deepEqual((await bob.list('Workspace')).items, []);
  t.deepEqual((await bob.list('Workspace', {fieldSelector: 'spec.owner=ada'})).items, []);
  t.deepEqual((await bob.list('Event')).items, []);
  await t.throwsAsync(bob.update('Workspace', web), {code: 'NotFound'});
  await t.throwsAsync(bob.patch('Workspace', 'web', {patch: {spec: {owner: 'bob'}}}), {code: 'NotFound'});
  await t.throwsAsync(bob.delete('Workspace', 'web'), {code: 'NotFound'});
  await t.throwsAsync(bob.workspaces.status(uid), {code: 'NotFound'});
  await t.throwsAsync(bob.workspaces.stop('web'), {code: 'NotFound'});
  await t.throwsAsync(bob.workspaces.delete(uid, {force: true}), {code: 'NotFound'});
  await t.throwsAsync(bob.workspaces.events('web'), {code: 'NotFound'});
  await t.throwsAsync(bob.workspaces.exec('web', {command: ['id']}), {code: 'NotFound'});
  await t.throwsAsync(bob.workspaces.undelete('web'), {code: 'NotFound'});
  const watched = await server.call(`${collection}?watch=1&timeoutSeconds=1`, {token});
  t.is(watched.text, '');
  t.deepEqual(await ada.get('Workspace', 'web'), web);
});

test('a name that is taken is refused without saying whose it is', async t => {
  await using server = await startServer();
  const {client: ada} = await server.user('ada');
  const {client: bob} = await server.user('bob');
  await ada.workspaces.create({workspace_name: 'web'});
  const error = await t.throwsAsync(bob.workspaces.create({workspace_name: 'web'}), {code: 'AlreadyExists'});
  t.notRegex(error?.message ?? '', /ada/);
});

test('a user neither creates for others nor gives away nor places status', async t => {
  await using server = await startServer();
  const {client: ada} = await server.user('ada');
  await server.user('bob');
  await t.throwsAsync(ada.create('Workspace', workspaceNamed('x', {owner: 'bob'})), {code: 'Forbidden'});
  const web = await ada.create('Workspace', workspaceNamed('web', {owner: 'ada'}));
  await t.throwsAsync(ada.patch('Workspace', 'web', {patch: {spec: {owner: 'bob'}}}), {code: 'Forbidden'});
  await t.throwsAsync(ada.updateStatus('Workspace', {...web, status: {phase: 'Running'}}), {
    code: 'Forbidden',
  });
  t.deepEqual(await ada.get('Workspace', 'web'), web);
  t.is((await server.client.patch('Workspace', 'web', {patch: {spec: {owner: 'bob'}}})).spec.owner, 'bob');
});

test('the finalizer that guards an instance is not for users to take away', async t => {
  await using server = await startServer();
  const {client: ada} = await server.user('ada');
  const web = await ada.create('Workspace', workspaceNamed('web', {owner: 'ada'}));
  const stripped = await ada.update('Workspace', {...web, metadata: {...web.metadata, finalizers: []}});
  t.deepEqual(stripped.metadata.finalizers, web.metadata.finalizers);
});

test('users read nodes, but neither change them nor see what only concerns the server', async t => {
  await using server = await startServer();
  const {client: ada} = await server.user('ada');
  const secret = {identityFile: '/root/key', agentCommand: ['nexus'], address: '10.0.0.1'};
  const node = nodeSchema.parse({apiVersion, kind: 'Node', metadata: {name: 'a'}, spec: secret});
  const created = await server.client.create('Node', node);
  t.is(created.spec.identityFile, '/root/key');

  const {spec} = await ada.get('Node', 'a');
  t.is(spec.identityFile, undefined);
  t.is(spec.agentCommand, undefined);
  t.is(spec.address, '10.0.0.1');
  t.is((await ada.list('Node')).items[0]?.spec.identityFile, undefined);
  await t.throwsAsync(ada.create('Node', {...node, metadata: {name: 'b'}}), {code: 'Forbidden'});
  await t.throwsAsync(ada.delete('Node', 'a'), {code: 'Forbidden'});
  await t.throwsAsync(ada.patch('Node', 'a', {patch: {spec: {unschedulable: true}}}), {code: 'Forbidden'});
  t.deepEqual(await server.client.get('Node', 'a'), created);
});

test('a user changes its own keys, but not its role, and no other user', async t => {
  await using server = await startServer();
  const {client: ada} = await server.user('ada');
  await server.user('bob');
  t.deepEqual(
    (await ada.list('User')).items.map(({metadata}) => metadata.name),
    ['ada'],
  );
  await t.throwsAsync(ada.get('User', 'bob'), {code: 'NotFound'});
  await t.throwsAsync(ada.patch('User', 'ada', {patch: {spec: {role: 'admin'}}}), {code: 'Forbidden'});
  await t.throwsAsync(ada.patch('User', 'ada', {patch: {spec: {githubId: 7}}}), {code: 'Forbidden'});
  await t.throwsAsync(ada.delete('User', 'ada'), {code: 'Forbidden'});
  const key = sshKey();
  t.deepEqual((await ada.patch('User', 'ada', {patch: {spec: {sshKeys: [key]}}})).spec.sshKeys, [key]);
  await t.throwsAsync(
    ada.patch('User', 'ada', {patch: {spec: {sshKeys: [{...key, fingerprint: sshKey().fingerprint}]}}}),
    {code: 'Invalid', message: /is not the key's/},
  );
});

test('neither the last admin nor a user with workspaces can be deleted', async t => {
  await using server = await startServer();
  const {client} = server;
  await server.user('ada');
  await t.throwsAsync(client.delete('User', 'admin'), {code: 'Conflict', message: /last admin/});
  await client.create('Workspace', workspaceNamed('web', {owner: 'ada'}));
  await t.throwsAsync(client.delete('User', 'ada'), {code: 'Conflict', message: /web/});
});

test('every change is in the events, with who made it and in which request', async t => {
  await using server = await startServer();
  const {client: ada, token} = await server.user('ada');
  const manifest = workspaceNamed('web', {owner: 'ada'});
  await server.call(collection, {method: 'POST', token, json: manifest, headers: {'x-request-id': 'req-1'}});
  await server.client.patch('Workspace', 'web', {patch: {spec: {running: false}}});
  await ada.delete('Workspace', 'web');
  const events = await ada.workspaces.events('web');
  t.deepEqual(
    events.map(({spec}) => [spec.reason, spec.actor]),
    [
      ['Created', 'ada'],
      ['Updated', 'admin'],
      ['Deleted', 'ada'],
    ],
  );
  t.is(events[0]?.spec.requestId, 'req-1');
});

test('what did not change is not in the events', async t => {
  await using server = await startServer();
  const web = await server.client.create('Workspace', workspaceNamed('web'));
  await server.client.update('Workspace', web);
  t.is((await server.client.workspaces.events('web')).length, 1);
});

function methodOf(method: string): 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' {
  const upper = method.toUpperCase();
  return upper === 'POST' || upper === 'PUT' || upper === 'PATCH' || upper === 'DELETE' || upper === 'HEAD'
    ? upper
    : 'GET';
}
