import test from 'ava';
import type {WorkspaceStatus} from '../../../api/v1alpha1/workspace.ts';
import {instanceFinalizer} from '../../../api/v1alpha1/workspace.ts';
import type {TestServer} from './test-server.ts';
import {startServer, workspaceNamed} from './test-server.ts';

const at = '2026-01-01T00:00:00.000Z';

/** As the controller would: the last finalizer goes with the instance. */
async function finishDeletion({storage}: TestServer, name: string): Promise<void> {
  const workspace = await storage.get('Workspace', name);
  await storage.update('Workspace', {...workspace, metadata: {...workspace.metadata, finalizers: []}});
}

const running: WorkspaceStatus = {
  phase: 'Running',
  node: 'local',
  conditions: [
    {type: 'Ready', status: 'True', reason: 'Ready', message: 'All is well', lastTransitionTime: at},
  ],
  ssh: {host: '127.0.0.1', port: 2222, username: 'dev', hostKey: 'ssh-ed25519 AAAA'},
  services: [
    {
      name: 'web',
      port: 3000,
      localPort: 23_000,
      status: 'Healthy',
      health: 'Healthy',
      restarts: 1,
      url: 'http://127.0.0.1:23000',
    },
  ],
  repo: {name: 'shop', owner: 'acme', branch: 'main', commit: 'a'.repeat(40)},
  observedAt: at,
};

test('a workspace is created from a repository, which also configures it', async t => {
  await using server = await startServer();
  const {client} = await server.user('ada');
  const answer = await server.call('/api/v1/workspaces/create-from-repo', {
    method: 'POST',
    json: {
      github_username: 'ada',
      workspace_name: 'shop',
      repo: {owner: 'acme', name: 'shop', branch: 'main'},
      provider: 'lxc',
    },
  });
  t.is(answer.status, 202, answer.text);
  const {workspace_id: id, status, ssh_port: port} = answer.json;
  t.is(status, 'pending');
  t.is(port, null);
  t.is(answer.headers.location, `/api/v1/workspaces/${id}/status`);
  t.is((await server.call(`/api/v1/workspaces/${id}/status`)).json.status, 'pending');
  const {spec, metadata} = await client.get('Workspace', 'shop');
  t.is(metadata.uid, id);
  t.is(spec.owner, 'ada');
  t.is(spec.configFrom, 'repository');
  t.deepEqual(spec.repo, {
    owner: 'acme',
    name: 'shop',
    branch: 'main',
    url: 'https://github.com/acme/shop.git',
  });
});

test('a repository is not created for somebody else, nor for nobody', async t => {
  await using server = await startServer();
  const {client: ada} = await server.user('ada');
  await server.user('bob');
  const request = {workspace_name: 'x', repo: {owner: 'acme', name: 'shop'}};
  await t.throwsAsync(ada.workspaces.createFromRepo({...request, github_username: 'bob'}), {
    code: 'Forbidden',
  });
  await t.throwsAsync(server.client.workspaces.createFromRepo({...request, github_username: 'nobody'}), {
    code: 'Invalid',
  });
  t.deepEqual((await server.storage.list('Workspace')).items, []);
});

test('creating the same again answers what is there; another one of that name is refused', async t => {
  await using server = await startServer();
  const {workspaces} = server.client;
  const request = {workspace_name: 'web', setup: ['npm ci']};
  const first = await workspaces.create(request);
  t.deepEqual(await workspaces.create(request), first);
  await workspaces.stop('web');
  t.is((await workspaces.create(request)).workspace_id, first.workspace_id);
  await t.throwsAsync(workspaces.create({...request, setup: []}), {code: 'AlreadyExists'});
  t.is((await server.storage.list('Workspace')).items.length, 1);
});

test('an idempotency key creates once, and serves one request only', async t => {
  await using server = await startServer();
  const {workspaces} = server.client;
  const key = {idempotencyKey: 'order-1'};
  const first = await workspaces.create({workspace_name: 'a'}, key);
  await server.client.patch('Workspace', 'a', {patch: {spec: {image: 'changed'}}});
  t.is((await workspaces.create({workspace_name: 'a'}, key)).workspace_id, first.workspace_id);
  await t.throwsAsync(workspaces.create({workspace_name: 'b'}, key), {code: 'Unprocessable'});
  await t.throwsAsync(workspaces.create({workspace_name: 'c'}, {idempotencyKey: 'x'.repeat(300)}), {
    code: 'BadRequest',
  });
  t.deepEqual(
    (await workspaces.list()).map(({name}) => name),
    ['a'],
  );
});

test('the same creation by many at once makes one workspace', async t => {
  await using server = await startServer();
  const {workspaces} = server.client;
  const created = await Promise.all(
    Array.from({length: 20}, () => workspaces.create({workspace_name: 'web'})),
  );
  t.is(new Set(created.map(({workspace_id: id}) => id)).size, 1);
});

test('a status says what was seen, by name and by uid', async t => {
  await using server = await startServer();
  const created = await server.client.create(
    'Workspace',
    workspaceNamed('shop', {
      repo: {owner: 'acme', name: 'shop', url: 'https://github.com/acme/shop.git'},
      services: [
        {name: 'web', command: 'npm start', port: 3000},
        {name: 'worker', command: 'npm run work'},
      ],
    }),
  );
  await server.storage.updateStatus('Workspace', {...created, status: running});
  for (const id of ['shop', created.metadata.uid]) {
    const {json} = await server.call(`/api/v1/workspaces/${id}/status`);
    t.is(json.status, 'running');
    t.true(json.ready);
    t.deepEqual(json.ssh, {
      host: '127.0.0.1',
      port: 2222,
      username: 'dev',
      host_key: 'ssh-ed25519 AAAA',
      gateway: null,
    });
    t.like(json.services[0], {name: 'web', port: 3000, local_port: 23_000, health_status: 'healthy'});
    t.like(json.services[1], {name: 'worker', port: null, local_port: null, health_status: 'unknown'});
    t.like(json.repo, {owner: 'acme', name: 'shop', branch: 'main', commit: 'a'.repeat(40)});
    t.is(json.observed_at, at);
  }

  t.is((await server.client.workspaces.service('shop', 'web')).url, 'http://127.0.0.1:23000');
  t.is((await server.client.workspaces.services('shop')).length, 2);
  await t.throwsAsync(server.client.workspaces.service('shop', 'wep'), {
    code: 'NotFound',
    message: /there are: web, worker/,
  });
});

test('what is not known to run is not called running', async t => {
  await using server = await startServer();
  const created = await server.client.create('Workspace', workspaceNamed('web'));
  await server.storage.updateStatus('Workspace', {...created, status: {...running, phase: 'Unknown'}});
  t.is((await server.client.workspaces.status('web')).status, 'unknown');
  await server.client.workspaces.delete('web');
  t.is((await server.client.workspaces.status('web')).status, 'deleting');
});

test('stopping and starting change what is declared, once', async t => {
  await using server = await startServer();
  const {client} = server;
  await client.workspaces.create({workspace_name: 'web'});
  t.is((await client.workspaces.stop('web')).name, 'web');
  const stopped = await client.get('Workspace', 'web');
  t.false(stopped.spec.running);
  await client.workspaces.stop('web');
  t.deepEqual(await client.get('Workspace', 'web'), stopped);
  await client.workspaces.start('web');
  t.true((await client.get('Workspace', 'web')).spec.running);
});

test('starting what should run but fails asks for another attempt now', async t => {
  await using server = await startServer();
  const {client} = server;
  const created = await client.create('Workspace', workspaceNamed('web'));
  await server.storage.updateStatus('Workspace', {...created, status: {phase: 'Error', failures: 4}});
  await client.workspaces.start('web');
  const {metadata} = await client.get('Workspace', 'web');
  t.regex(metadata.annotations?.['nexus.dev/retry-at'] ?? '', /^20/);
  t.is(metadata.generation, 1);
});

test('many changes at once are all made', async t => {
  await using server = await startServer();
  const {client} = server;
  await client.workspaces.create({workspace_name: 'web'});
  const keys = Array.from({length: 4}, (_, index) => `KEY_${index}`);
  await Promise.all(keys.map(key => client.patch('Workspace', 'web', {patch: {spec: {env: {[key]: '1'}}}})));
  t.deepEqual(Object.keys((await client.get('Workspace', 'web')).spec.env).toSorted(), keys);
});

test('a deletion waits for the instance; a forced one says so to the controller', async t => {
  await using server = await startServer();
  const {client} = server;
  await client.workspaces.create({workspace_name: 'web'});
  t.is((await client.workspaces.delete('web')).status, 'deleting');
  const held = await client.get('Workspace', 'web');
  t.truthy(held.metadata.deletionTimestamp);
  await client.workspaces.delete('web', {force: true});
  t.is((await client.get('Workspace', 'web')).metadata.annotations?.['nexus.dev/force-delete'], 'true');
  await finishDeletion(server, 'web');
  await t.throwsAsync(client.workspaces.delete('web'), {code: 'NotFound'});
});

test('a force that came to no deletion does not force the next one', async t => {
  await using server = await startServer();
  const {client} = server;
  await client.workspaces.create({workspace_name: 'web'});
  const annotations = {'nexus.dev/force-delete': 'true', 'example.com/own': 'stays'};
  await client.patch('Workspace', 'web', {patch: {metadata: {annotations}}});
  await client.workspaces.delete('web');
  const {metadata} = await client.get('Workspace', 'web');
  t.truthy(metadata.deletionTimestamp);
  t.deepEqual(metadata.annotations, {'example.com/own': 'stays'});
});

test('a forced deletion stays forced when it is asked for again without', async t => {
  await using server = await startServer();
  const {client} = server;
  await client.workspaces.create({workspace_name: 'web'});
  await client.workspaces.delete('web', {force: true});
  await client.workspaces.delete('web');
  t.is((await client.get('Workspace', 'web')).metadata.annotations?.['nexus.dev/force-delete'], 'true');
});

test('a deleted workspace is given back with its uid and spec, and without its status', async t => {
  await using server = await startServer();
  const {client} = await server.user('ada');
  const {client: bob} = await server.user('bob');
  const {workspace_id: id} = await client.workspaces.create({workspace_name: 'web', setup: ['npm ci']});
  await t.throwsAsync(client.workspaces.undelete('web'), {code: 'Conflict', message: /exists/});
  const before = await client.get('Workspace', 'web');
  await server.storage.updateStatus('Workspace', {...before, status: running});
  await client.workspaces.delete('web', {force: true});
  await t.throwsAsync(client.workspaces.undelete('web'), {code: 'Conflict', message: /still being deleted/});
  await finishDeletion(server, 'web');

  await t.throwsAsync(bob.workspaces.undelete('web'), {code: 'NotFound'});
  t.is((await client.workspaces.undelete('web')).workspace_id, id);
  const {metadata, spec, status} = await client.get('Workspace', 'web');
  t.deepEqual(spec, before.spec);
  t.deepEqual(metadata.finalizers, [instanceFinalizer]);
  t.is(metadata.annotations?.['nexus.dev/force-delete'], undefined);
  t.is(metadata.deletionTimestamp, undefined);
  t.is(status, undefined);
  t.true((await client.workspaces.events('web')).some(event => event.spec.reason === 'Undeleted'));
  await t.throwsAsync(client.workspaces.undelete('never-was'), {code: 'NotFound'});
});

test('what was cloned, and where it runs, can not be changed', async t => {
  await using server = await startServer();
  const {client} = server;
  const repo = {name: 'shop', url: 'https://github.com/acme/shop.git'};
  const created = await client.create('Workspace', workspaceNamed('web', {repo}));
  await server.storage.updateStatus('Workspace', {...created, status: {node: 'local'}});
  const patch = (spec: object) => client.patch('Workspace', 'web', {patch: {spec}});
  await t.throwsAsync(patch({repo: {url: 'https://github.com/evil/shop.git'}}), {
    code: 'Invalid',
    message: /spec\.repo\.url/,
  });
  await t.throwsAsync(patch({repo: {name: 'other'}}), {code: 'Invalid'});
  await t.throwsAsync(patch({repo: null}), {code: 'Invalid'});
  await t.throwsAsync(patch({node: 'elsewhere'}), {
    code: 'Invalid',
    message: /on local, and moves only when an admin drains that node \(nexus node drain local\)/,
  });
  t.is((await patch({node: 'local', repo: {branch: 'next'}})).spec.repo?.branch, 'next');
});

test('events are told for one object, of what is there by uid', async t => {
  await using server = await startServer();
  const {client} = server;
  await client.workspaces.create({workspace_name: 'a'});
  await client.workspaces.create({workspace_name: 'b'});
  const {json} = await server.call('/api/v1/events?for=ws/a');
  t.deepEqual(
    json.events.map((event: {spec: {regarding: {name: string}}}) => event.spec.regarding.name),
    ['a'],
  );
  t.is((await server.call('/api/v1/events')).json.events.length, 2);
  t.is((await server.call('/api/v1/events?for=nonsense')).status, 400);
  t.deepEqual((await server.call('/api/v1/events?for=workspace/absent')).json.events, []);
});
