import test from 'ava';
import {tableOf, wantsTable} from '../../../api/server/table.ts';
import {startServer, workspaceNamed} from './test-server.ts';

const accept =
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';
const collection = '/apis/nexus.dev/v1alpha1/workspaces';

test('a table is for who asks for one', t => {
  t.true(wantsTable(accept));
  t.true(wantsTable('application/json;g=meta.k8s.io;v=v1;as=Table'));
  for (const other of [
    undefined,
    '',
    'application/json',
    '*/*',
    'application/json;as=PartialObjectMetadata;v=v1',
    'application/json;as=Table;v=v1beta1',
  ]) {
    t.false(wantsTable(other));
  }
});

test('cells are what the columns say, empty when unknown', async t => {
  await using server = await startServer();
  const created = await server.client.create('Workspace', workspaceNamed('web'));
  const ready = {
    type: 'Ready',
    status: 'True' as const,
    reason: 'AllHealthy',
    message: '',
    lastTransitionTime: created.metadata.creationTimestamp,
  };
  const running = await server.storage.updateStatus('Workspace', {
    ...created,
    status: {phase: 'Running', conditions: [ready]},
  });
  const now = Date.parse(created.metadata.creationTimestamp) + 90_000;
  t.like(tableOf('Workspace', [created, running], {metadata: {}, now}), {
    kind: 'Table',
    rows: [
      {cells: ['web', null, null, null, null, 'admin', 'nexus/base', null, '1m30s']},
      {cells: ['web', 'Running', 'True', null, null, 'admin', 'nexus/base', 'AllHealthy', '1m30s']},
    ],
  });
});

test('kubectl gets tables of a list, of one, and of a watch', async t => {
  await using server = await startServer();
  await server.client.create('Workspace', workspaceNamed('web'));
  const get = async (path: string) => JSON.parse(await fetchText(`${server.url}${path}`, server.adminToken));
  t.like(await get(collection), {kind: 'Table', rows: [{object: {metadata: {name: 'web'}}}]});
  t.like(await get(`${collection}/web`), {kind: 'Table', rows: [{object: {kind: 'PartialObjectMetadata'}}]});
  t.like(await get(`${collection}?watch=1&timeoutSeconds=1`), {type: 'ADDED', object: {kind: 'Table'}});
});

async function fetchText(url: string, token: string): Promise<string> {
  const response = await fetch(url, {headers: {accept, authorization: `Bearer ${token}`}});
  return response.text();
}
