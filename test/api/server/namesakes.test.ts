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
