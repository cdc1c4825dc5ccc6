import test from 'ava';
import {isApiError} from '../../../api/client/api-error.ts';
import {instanceFinalizer} from '../../../api/v1alpha1/workspace.ts';
import {startServer, workspaceNamed} from './test-server.ts';

const collection = '/apis/nexus.dev/v1alpha1/workspaces';

test('a workspace is created, read, changed and deleted by its kind and name', async t => {
  await using server = await startServer();
  const {client} = server;

  const created = await client.create('Workspace', workspaceNamed('web'));
  t.is(created.metadata.generation, 1);
  t.deepEqual(created.metadata.finalizers, [instanceFinalizer]);
  t.is(created.status, undefined);

  t.deepEqual(await client.get('Workspace', 'web'), created);
  const updated = await client.update('Workspace', {...created, spec: {...created.spec, running: false}});
  t.is(updated.metadata.generation, 2);
  t.deepEqual(updated.metadata.finalizers, [instanceFinalizer]);

  const deleted = await client.delete('Workspace', 'web');
  t.truthy(deleted.metadata.deletionTimestamp);
  await client.update('Workspace', {...deleted, metadata: {...deleted.metadata, finalizers: []}});
  await t.throwsAsync(client.get('Workspace', 'web'), {code: 'NotFound'});
});

test('a manifest without an owner belongs to who sends it', async t => {
  await using server = await startServer();
  const {client} = await server.user('ada');
  const {
    spec: {owner: _, ...spec},
    ...rest
  } = workspaceNamed('web');
  const {object, outcome} = await client.apply('Workspace', {...rest, spec}, {name: 'web'});
  t.is(object.spec.owner, 'ada');
  t.is(outcome, 'created');
});

test('what the controller writes is not taken from a creation', async t => {
  await using server = await startServer();
  const forged = {
    ...workspaceNamed('web'),
    metadata: {name: 'web', uid: 'forged', resourceVersion: '7', generation: 9},
    status: {phase: 'Running' as const},
  };
  const created = await server.client.create('Workspace', forged);
  t.not(created.metadata.uid, 'forged');
  t.is(created.metadata.generation, 1);
  t.is(created.status, undefined);
});

test('a dry run answers what would be, and changes nothing', async t => {
  await using server = await startServer();
  const {client} = server;
  t.is((await client.create('Workspace', workspaceNamed('web'), {dryRun: true})).metadata.name, 'web');
  await t.throwsAsync(client.get('Workspace', 'web'), {code: 'NotFound'});

  const created = await client.create('Workspace', workspaceNamed('web'));
  const patch = {spec: {running: false}};
  t.false((await client.patch('Workspace', 'web', {patch, dryRun: true})).spec.running);
  await client.delete('Workspace', 'web', {dryRun: true});
  t.deepEqual(await client.get('Workspace', 'web'), created);
});

test('a stale resourceVersion is refused with Conflict', async t => {
  await using server = await startServer();
  const {client} = server;
  const created = await client.create('Workspace', workspaceNamed('web'));
  const current = await client.update('Workspace', {...created, spec: {...created.spec, running: false}});
  const error = await t.throwsAsync(
    client.update('Workspace', {...created, spec: {...created.spec, image: 'other'}}),
  );
  t.true(isApiError(error, 'Conflict') && error.status === 409);
  t.deepEqual(await client.get('Workspace', 'web'), current);
});

test('a deletion with the uid of a predecessor is refused', async t => {
  await using server = await startServer();
  const created = await server.client.create('Workspace', workspaceNamed('web'));
  await t.throwsAsync(server.client.delete('Workspace', 'web', {preconditions: {uid: 'predecessor'}}), {
    code: 'Conflict',
  });
  t.deepEqual(await server.client.get('Workspace', 'web'), created);
});

test('a merge patch merges, and removes what it sets to null', async t => {
  await using server = await startServer();
  const {client} = server;
  await client.create('Workspace', workspaceNamed('web', {env: {A: '1', B: '2'}}));
  const patched = await client.patch('Workspace', 'web', {patch: {spec: {env: {A: null, C: '3'}}}});
  t.deepEqual(patched.spec.env, {B: '2', C: '3'});
});

test('a json patch applies whole or not at all', async t => {
  await using server = await startServer();
  const {client} = server;
  const created = await client.create('Workspace', workspaceNamed('web', {setup: ['one']}));
  await t.throwsAsync(
    client.patch('Workspace', 'web', {
      type: 'json',
      patch: [
        {op: 'add', path: '/spec/setup/-', value: 'two'},
        {op: 'test', path: '/spec/image', value: 'another'},
      ],
    }),
    {code: 'Invalid'},
  );
  t.deepEqual(await client.get('Workspace', 'web'), created);

  const patched = await client.patch('Workspace', 'web', {
    type: 'json',
    patch: [
      {op: 'add', path: '/spec/setup/-', value: 'two'},
      {op: 'replace', path: '/spec/running', value: false},
    ],
  });
  t.deepEqual(patched.spec.setup, ['one', 'two']);
  t.false(patched.spec.running);
});

test('an apply says whether it created, configured or changed nothing', async t => {
  await using server = await startServer();
  const manifest = workspaceNamed('web');
  const apply = (object: object) => server.client.apply('Workspace', object, {name: 'web'});
  t.is((await apply(manifest)).outcome, 'created');
  t.is((await apply(manifest)).outcome, 'unchanged');
  t.is((await apply({...manifest, spec: {...manifest.spec, running: false}})).outcome, 'configured');
});

test('a strategic merge patch is refused with 415', async t => {
  await using server = await startServer();
  await server.client.create('Workspace', workspaceNamed('web'));
  const {status, json} = await server.call(`${collection}/web`, {
    method: 'PATCH',
    headers: {'content-type': 'application/strategic-merge-patch+json'},
    body: '{}',
  });
  t.is(status, 415);
  t.is(json.kind, 'Status');
});

test('YAML is taken as well as JSON', async t => {
  await using server = await startServer();
  const {status, json} = await server.call(collection, {
    method: 'POST',
    headers: {'content-type': 'application/yaml'},
    body: 'apiVersion: nexus.dev/v1alpha1\nkind: Workspace\nmetadata: {name: web}\nspec:\n  services:\n    - {name: api, command: "npm start", port: 4000}\n',
  });
  t.is(status, 201);
  t.is(json.spec.services[0].port, 4000);
});

test('a list is told in pages, of one revision', async t => {
  await using server = await startServer();
  const {client} = server;
  for (const name of ['a', 'b', 'c']) {
    await client.create('Workspace', workspaceNamed(name));
  }

  const first = await client.list('Workspace', {limit: 2});
  t.deepEqual(
    first.items.map(({metadata}) => metadata.name),
    ['a', 'b'],
  );
  t.is(first.remainingItemCount, 1);
  await client.create('Workspace', workspaceNamed('d'));
  const rest = await client.list('Workspace', {limit: 2, continue: first.continue ?? ''});
  t.deepEqual(
    rest.items.map(({metadata}) => metadata.name),
    ['c'],
  );
  t.is(rest.resourceVersion, first.resourceVersion);
});

test('lists are narrowed by labels and fields', async t => {
  await using server = await startServer();
  const {client} = server;
  const labelled = workspaceNamed('a');
  await client.create('Workspace', {...labelled, metadata: {name: 'a', labels: {team: 'x'}}});
  await client.create('Workspace', workspaceNamed('b', {provider: 'docker'}));
  const names = async (query: object) =>
    (await client.list('Workspace', query)).items.map(({metadata}) => metadata.name);
  t.deepEqual(await names({labelSelector: 'team=x'}), ['a']);
  t.deepEqual(await names({labelSelector: '!team'}), ['b']);
  t.deepEqual(await names({fieldSelector: 'spec.provider=docker'}), ['b']);
  await t.throwsAsync(names({labelSelector: 'in in in'}), {code: 'BadRequest'});
});

test('a list that is asked for twice shows what changed in between', async t => {
  await using server = await startServer();
  const {client} = server;
  const created = await client.create('Workspace', workspaceNamed('a'));
  await client.list('Workspace');
  await client.list('Workspace');
  await client.update('Workspace', {...created, spec: {...created.spec, running: false}});
  t.false((await client.list('Workspace')).items[0]?.spec.running);
});

test('status is written on its own path only, and leaves the rest alone', async t => {
  await using server = await startServer();
  const {client} = server;
  const created = await client.create('Workspace', workspaceNamed('web'));
  const status = {phase: 'Running' as const};
  const ignored = await client.update('Workspace', {...created, status});
  t.is(ignored.status, undefined);
  const written = await client.updateStatus('Workspace', {
    ...created,
    status,
    spec: {...created.spec, image: 'sneaked-in'},
  });
  t.deepEqual(written.status, status);
  t.is(written.spec.image, created.spec.image);
  t.is(written.metadata.generation, 1);
});

test('internal kinds are on no path', async t => {
  await using server = await startServer();
  for (const plural of ['tokens', 'credentials']) {
    t.is((await server.call(`/apis/nexus.dev/v1alpha1/${plural}`)).status, 404);
  }
});
