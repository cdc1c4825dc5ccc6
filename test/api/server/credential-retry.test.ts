import test from 'ava';
import type {TestServer} from './test-server.ts';
import {startServer, workspaceNamed} from './test-server.ts';

const at = '2026-01-01T00:00:00.000Z';

/** A workspace whose last attempt failed with `code`. */
async function failed(
  {client, storage}: TestServer,
  name: string,
  {owner = 'ada', url = 'https://git.example.com/a/shop.git', code = 'AuthenticationFailed'} = {},
): Promise<void> {
  const created = await client.create(
    'Workspace',
    workspaceNamed(name, {owner, repo: {name: 'shop', owner: 'a', url}}),
  );
  const lastFailure = {operation: 'Clone', code, message: 'no', at};
  await storage.updateStatus('Workspace', {...created, status: {phase: 'Error', failures: 4, lastFailure}});
}

test('a new credential lets clones that failed for want of it be tried at once, and no others', async t => {
  await using server = await startServer();
  const {client} = await server.user('ada');
  await server.user('bob');
  await failed(server, 'refused');
  await failed(server, 'hidden', {code: 'RepositoryNotFound'});
  await failed(server, 'by-ssh', {url: 'git@git.example.com:a/shop.git'});
  await failed(server, 'full', {code: 'NoSpace'});
  await failed(server, 'elsewhere', {url: 'https://other.example.com/a/shop.git'});
  await failed(server, 'of-bob', {owner: 'bob'});
  const credential = {type: 'password', username: 'ada', password: 's3cret'} as const;
  await client.users.setCredential('me', 'Git.Example.com', {credential});

  const {items} = await server.client.list('Workspace');
  const retried = items.filter(({metadata}) => metadata.annotations?.['nexus.dev/retry-at'] !== undefined);
  t.deepEqual(retried.map(({metadata}) => metadata.name).toSorted(), ['by-ssh', 'hidden', 'refused']);
  t.true(
    retried.every(
      ({metadata}) => Date.parse(metadata.annotations?.['nexus.dev/retry-at'] ?? '') > Date.parse(at),
    ),
  );
});
