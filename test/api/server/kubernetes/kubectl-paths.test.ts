import test from 'ava';
import {startServer} from '../test-server.ts';

const collection = '/apis/nexus.dev/v1alpha1/namespaces/default/workspaces';

const manifest = (name: string, spec: object = {}) => ({
  apiVersion: 'nexus.dev/v1alpha1',
  kind: 'Workspace',
  metadata: {name},
  spec: {owner: 'ada', ...spec},
});

test("a user's kubectl sees and touches the user's own workspaces only", async t => {
  await using server = await startServer();
  const ada = await server.user('ada');
  const bob = await server.user('bob');
  const as = (token: string, path = '', rest: object = {}) =>
    server.call(`${collection}${path}`, {token, ...rest});

  t.is((await as(ada.token, '', {method: 'POST', json: manifest('web')})).status, 201);
  t.is((await as(ada.token)).json.items.length, 1);
  t.is((await as(bob.token)).json.items.length, 0);
  const hidden = await as(bob.token, '/web');
  t.is(hidden.status, 404);
  t.is(hidden.json.message, 'workspaces.nexus.dev "web" not found');
  const headers = {'content-type': 'application/merge-patch+json'};
  const patch = {method: 'PATCH', headers, body: '{"spec":{"running":false}}'};
  t.is((await as(bob.token, '/web', patch)).status, 404);
  t.is((await as(bob.token, '/web', {method: 'DELETE'})).status, 404);
  t.is((await as(bob.token, '', {method: 'DELETE'})).json.items.length, 0);
  const apply = {
    method: 'PATCH',
    headers: {'content-type': 'application/apply-patch+yaml'},
    body: JSON.stringify(manifest('web', {owner: 'bob'})),
  };
  t.is((await as(bob.token, '/web?fieldManager=bob&force=true', apply)).status, 409);
  const forOthers = await as(bob.token, '', {method: 'POST', json: manifest('other')});
  t.is(forOthers.status, 403);
  t.regex(forOthers.json.message, /workspaces\.nexus\.dev "other" is forbidden: Only an admin creates/);
  const status = {...patch, body: '{"status":{"phase":"Running"}}'};
  t.is((await as(ada.token, '/web/status', status)).status, 403);
  t.is((await server.storage.get('Workspace', 'web')).spec.running, true);
});

test('a change by way of the REST API takes a field from who owned it, and the next apply says so', async t => {
  await using server = await startServer();
  await server.user('ada');
  const apply = (force: boolean) =>
    server.call(`${collection}/web?fieldManager=gitops&force=${force}`, {
      method: 'PATCH',
      headers: {'content-type': 'application/apply-patch+yaml'},
      body: JSON.stringify(manifest('web', {running: true})),
    });
  t.is((await apply(false)).status, 201);
  await server.client.patch('Workspace', 'web', {patch: {spec: {running: false}}});
  const refused = await apply(false);
  t.is(refused.status, 409);
  t.is(
    refused.json.message,
    'Apply failed with 1 conflict: conflict with "nexus" using nexus.dev/v1alpha1: .spec.running',
  );
  t.true((await apply(true)).json.spec.running);
  t.is((await server.client.get('Workspace', 'web')).metadata.managedFields, undefined);
});

test('a finalizer that is taken away by hand lets an object go that waits for it', async t => {
  await using server = await startServer();
  await server.user('ada');
  await server.call(collection, {method: 'POST', json: manifest('web')});
  const marked = await server.call(`${collection}/web`, {method: 'DELETE'});
  t.truthy(marked.json.metadata.deletionTimestamp);
  const released = await server.call(`${collection}/web`, {
    method: 'PATCH',
    headers: {'content-type': 'application/merge-patch+json'},
    body: '{"metadata":{"finalizers":null}}',
  });
  t.is(released.status, 200);
  t.is((await server.call(`${collection}/web`)).status, 404);
});

test("what is the store's or an admin's to say of an object is not a user's, by either API", async t => {
  await using server = await startServer();
  const ada = await server.user('ada');
  const headers = {'content-type': 'application/merge-patch+json'};
  const web = manifest('web');
  const plain = '/apis/nexus.dev/v1alpha1/workspaces';
  t.is((await server.call(collection, {token: ada.token, method: 'POST', json: web})).status, 201);
  const annotations = {'nexus.dev/identity': 'web/another'};
  const forged = {...web, metadata: {name: 'forged', annotations}};
  const body = JSON.stringify({metadata: {annotations}});
  for (const token of [ada.token, server.adminToken]) {
    const created = await server.call(collection, {token, method: 'POST', json: forged});
    t.is(created.status, 422);
    t.is(created.json.details.causes[0].field, 'metadata.annotations[nexus.dev/identity]');
    const patched = await server.call(`${collection}/web`, {token, method: 'PATCH', headers, body});
    t.is(patched.status, 422);
    const rest = await server.call(plain, {token, method: 'POST', json: forged});
    t.is(rest.status, 422, rest.text);
    t.regex(rest.text, /metadata\.annotations\[nexus\.dev\/identity\]/);
  }

  const ownerReferences = [{apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'gone'}];
  const given = {method: 'PATCH' as const, headers, body: JSON.stringify({metadata: {ownerReferences}})};
  const path = `${collection}/web`;
  const asUser = await server.call(path, {token: ada.token, ...given});
  t.is(asUser.status, 200, asUser.text);
  t.is(asUser.json.metadata.ownerReferences, undefined);
  const asAdmin = await server.call(path, {token: server.adminToken, ...given});
  t.is(asAdmin.json.metadata.ownerReferences.length, 1, asAdmin.text);
});

test('more entries of managedFields than there can be programs are refused', async t => {
  await using server = await startServer();
  const {token} = await server.user('ada');
  const web = manifest('web');
  const entries = (count: number) =>
    Array.from({length: count}, (_, index) => ({
      manager: `m${index}`,
      operation: 'Update',
      apiVersion: web.apiVersion,
      fieldsType: 'FieldsV1',
      fieldsV1: {'f:spec': {'f:running': {}}},
    }));
  const create = (managedFields: object[]) => {
    const json = {...web, metadata: {...web.metadata, managedFields}};
    return server.call(collection, {token, method: 'POST', json});
  };
  const refused = await create(entries(201));
  t.is(refused.status, 422);
  t.regex(refused.json.message, /managedFields has 201 entries; it must have at most 200/);
  t.is((await create(entries(200))).status, 201);
});
