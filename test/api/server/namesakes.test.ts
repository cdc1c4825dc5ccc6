import test from 'ava';
import {apiVersion} from '../../../api/v1alpha1/metadata.ts';
import {user} from '../../../api/v1alpha1/user.ts';
import {startServer} from './test-server.ts';

const ada = user.parse({apiVersion, kind: 'User', metadata: {name: 'ada'}});

test('a new user inherits neither tokens nor credentials of an earlier one of that name', async t => {
  await using server = await startServer();
  const earlier = await server.user('ada');
  const credential = {type: 'password', username: 'ada', password: 'secret'};
  const path = '/api/v1/users/ada/credentials/github.com';
  t.is((await server.call(path, {method: 'PUT', json: credential})).status, 204);
  // As a server leaves it that is killed while it deletes the user.
  await server.storage.delete('User', 'ada');

  await server.client.create('User', ada);
  t.is((await server.call('/api/v1/workspaces', {token: earlier.token})).status, 401);
  t.deepEqual((await server.call('/api/v1/users/ada/tokens')).json, {tokens: []});
  t.deepEqual((await server.call('/api/v1/users/ada/credentials')).json, {credentials: []});
});

test('a new user can not give back what an earlier one of that name has deleted; an admin can', async t => {
  await using server = await startServer();
  const earlier = await server.user('ada');
  await earlier.client.workspaces.create({workspace_name: 'web'});
  await earlier.client.workspaces.delete('web');
  const {metadata, ...held} = await server.storage.get('Workspace', 'web');
  const {finalizers: _, ...released} = metadata;
  await server.storage.update('Workspace', {...held, metadata: released});
  await server.client.delete('User', 'ada');

  const later = await server.user('ada');
  await t.throwsAsync(later.client.workspaces.undelete('web'), {code: 'NotFound'});
  t.is((await server.client.workspaces.undelete('web')).workspace_id, metadata.uid);
});

test('a workspace that is named as the uid of another does not stand before that', async t => {
  await using server = await startServer();
  const {client} = await server.user('ada');
  await client.workspaces.create({workspace_name: 'web'});
  const {uid} = (await client.get('Workspace', 'web')).metadata;
  await server.client.workspaces.create({workspace_name: uid});
  t.is((await server.client.workspaces.status(uid)).name, 'web');
  t.is((await client.workspaces.status(uid)).name, 'web');

  const unknown = '00000000-0000-4000-8000-000000000000';
  await server.client.workspaces.create({workspace_name: unknown});
  t.is((await server.client.workspaces.status(unknown)).name, unknown);
});
