import test from 'ava';
import {startServer} from './test-server.ts';

type Operation = {
  readonly operationId: string;
  readonly parameters: readonly {readonly in: string; readonly name: string}[];
  readonly responses: object;
};

test('the document has every route that is served, and no other', async t => {
  await using server = await startServer();
  const {json} = await server.call('/openapi.json', {token: null});
  t.is(json.openapi, '3.1.0');
  const documented = Object.entries<object>(json.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method} ${path}`),
  );
  const served = server.app.routes.map(({method, path}) => `${method} ${path}`);
  t.deepEqual(documented.toSorted(), served.toSorted());
  t.is(new Set(served).size, served.length);
});

test('each operation has a name of its own, its parameters, and answers', async t => {
  await using server = await startServer();
  const {json} = await server.call('/openapi.json');
  const ids = new Set<string>();
  for (const [path, methods] of Object.entries<Record<string, Operation>>(json.paths)) {
    for (const operation of Object.values(methods)) {
      t.false(ids.has(operation.operationId), operation.operationId);
      ids.add(operation.operationId);
      const inPath = operation.parameters.filter(parameter => parameter.in === 'path');
      t.deepEqual(
        inPath.map(({name}) => `{${name}}`),
        path.match(/\{\w+\}/g) ?? [],
      );
      t.true(Object.keys(operation.responses).length > 0);
    }
  }
});

test('every reference in the document leads somewhere', async t => {
  await using server = await startServer();
  const {text, json} = await server.call('/openapi.json');
  const names = new Set([...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name));
  t.deepEqual([...names].toSorted(), ['Error', 'Event', 'Node', 'Status', 'User', 'Workspace']);
  for (const name of names) {
    t.is(json.components.schemas[name ?? ''].title, name);
  }

  t.notRegex(text, /"\$ref":"#\/\$defs/);
});

test('the paths that the product promises are there', async t => {
  await using server = await startServer();
  const served = new Set(server.app.routes.map(({method, path}) => `${method} ${path}`));
  for (const route of [
    'get /health',
    'get /livez',
    'get /readyz',
    'get /metrics',
    'post /api/v1/users/register',
    'post /api/v1/users/register-github',
    'get /api/v1/users/{id}',
    'put /api/v1/users/{id}/ssh-key',
    'post /api/v1/workspaces/create',
    'post /api/v1/workspaces/create-from-repo',
    'get /api/v1/workspaces',
    'get /api/v1/workspaces/{id}/status',
    'post /api/v1/workspaces/{id}/start',
    'post /api/v1/workspaces/{id}/stop',
    'delete /api/v1/workspaces/{id}',
    'get /api/v1/workspaces/{id}/services',
    'get /api/v1/workspaces/{id}/services/{name}',
    'get /api/v1/workspaces/{id}/services/{name}/logs',
    'get /api/v1/workspaces/{id}/exec',
    'get /api/v1/nodes',
    'post /api/v1/nodes',
    'delete /api/v1/nodes/{name}',
    'get /api/v1/events',
    'patch /apis/nexus.dev/v1alpha1/workspaces/{name}/status',
  ]) {
    t.true(served.has(route), route);
  }
});
