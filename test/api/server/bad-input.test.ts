import {once} from 'node:events';
import {connect} from 'node:net';
import test from 'ava';
import {badSpecs} from '../bad-specs.ts';
import type {Answer, Call, TestServer} from './test-server.ts';
import {startServer, workspaceNamed} from './test-server.ts';

const collection = '/apis/nexus.dev/v1alpha1/workspaces';
const create = '/api/v1/workspaces/create';

/** Everything that is stored, to show that nothing was changed. */
async function everything({storage}: TestServer): Promise<unknown> {
  const [workspaces, users, events, nodes] = await Promise.all(
    (['Workspace', 'User', 'Event', 'Node'] as const).map(kind => storage.list(kind)),
  );
  return [workspaces?.items, users?.items, events?.items, nodes?.items];
}

function fieldsOf({json}: Answer): string[] {
  const details: {path?: string; field?: string}[] = json.error?.details ?? json.details?.causes ?? [];
  return details.map(({path, field}) => path ?? field ?? '');
}

const yaml = {'content-type': 'application/yaml'};
const json = {'content-type': 'application/json'};
const post = (body: string | Buffer, headers: Call['headers'] = yaml): Call => ({
  method: 'POST',
  body,
  ...(headers === undefined ? {} : {headers}),
});

const bombLevels = Array.from(
  {length: 9},
  (_, index) => `a${index + 1}: &a${index + 1} [${Array.from({length: 10}, () => `*a${index}`).join(',')}]`,
);

const bodies: readonly (readonly [title: string, call: Call, status: number, says: RegExp])[] = [
  ['malformed YAML', post('spec: [1, 2\nmetadata: }'), 400, /not YAML/],
  ['malformed JSON', post('{"spec": ', json), 400, /not JSON/],
  ['an empty body', post(''), 400, /empty/],
  ['blanks only', post('  \n '), 400, /empty/],
  ['10 MB of YAML', post(`a: ${'x'.repeat(10_000_000)}`), 413, /larger than/],
  ['10 MB of JSON', post(`{"a":"${'x'.repeat(10_000_000)}"}`, json), 413, /larger than/],
  [
    'YAML with too many keys',
    post(Array.from({length: 20_000}, (_, i) => `key${i}: v`).join('\n')),
    422,
    /apiVersion/,
  ],
  [
    'YAML that would take long',
    post(Array.from({length: 60_000}, (_, i) => `key${i}: v`).join('\n')),
    413,
    /YAML may have/,
  ],
  ['brackets nested 100,000 deep', post('['.repeat(100_000)), 400, /nests deeper|not YAML/],
  ['dashes nested 100,000 deep', post('- '.repeat(100_000)), 400, /nests deeper|not YAML/],
  [
    'JSON nested 100,000 deep',
    post(`${'['.repeat(100_000)}${']'.repeat(100_000)}`, json),
    400,
    /nests deeper/,
  ],
  ['JSON nested 65 deep', post(`${'['.repeat(65)}${']'.repeat(65)}`, json), 400, /nests deeper/],
  ['an alias bomb', post(`a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n${bombLevels.join('\n')}`), 400, /alias/i],
  ['a key that occurs twice', post('kind: Workspace\nkind: Node'), 400, /kind.{1,2} twice/],
  ['a key that is a list', post('? [a]\n: b'), 400, /key that is no text/],
  ['two documents', post('a: 1\n---\nb: 2'), 400, /not YAML/],
  ['bytes that are no UTF-8', post(Buffer.from([0x7b, 0xff, 0xfe]), json), 400, /UTF-8/],
  ['a content type that nobody knows', post('{}', {'content-type': 'text/plain'}), 415, /text\/plain/],
  ['no content type', post('{}', {}), 415, /not understood/],
  ['a list in place of an object', post('[]', json), 422, /mapping/],
  ['null', post('null', json), 422, /mapping/],
  [
    'a kind that is misspelt',
    post('{"apiVersion":"nexus.dev/v1alpha1","kind":"Workspaces"}', json),
    422,
    /did you mean Workspace/,
  ],
  [
    'another kind',
    post('{"apiVersion":"nexus.dev/v1alpha1","kind":"Node","metadata":{"name":"a"}}', json),
    422,
    /Workspace is expected/,
  ],
  [
    'another version',
    post('{"apiVersion":"nexus.dev/v2","kind":"Workspace"}', json),
    422,
    /must be nexus\.dev\/v1alpha1/,
  ],
];

for (const [title, call, status, says] of bodies) {
  test(`${title}: refused with ${status}, and nothing is changed`, async t => {
    await using server = await startServer();
    const before = await everything(server);
    const answer = await server.call(collection, call);
    t.is(answer.status, status, answer.text);
    t.is(answer.json.kind, 'Status');
    t.regex(answer.text, says);
    t.deepEqual(await everything(server), before);
  });
}

for (const [title, spec, field, says] of badSpecs) {
  test(`a spec with ${title} is refused at ${field}, on both kinds of path`, async t => {
    await using server = await startServer();
    const before = await everything(server);
    const manifest = {...workspaceNamed('web'), spec: {owner: 'admin', ...spec}};
    const asResource = await server.call(collection, {method: 'POST', json: manifest});
    t.is(asResource.status, 422, asResource.text);
    t.true(fieldsOf(asResource).includes(field), asResource.text);
    t.regex(asResource.text, says);

    const asRequest = await server.call(create, {method: 'POST', json: {workspace_name: 'web', ...spec}});
    t.is(asRequest.status, 400, asRequest.text);
    t.regex(asRequest.json.error.hint, /Mend the fields/);
    t.true(
      [field, field.replace(/^spec\./, '')].some(path => fieldsOf(asRequest).includes(path)),
      asRequest.text,
    );
    t.deepEqual(await everything(server), before);
  });
}

const names = [
  'a/b',
  '..',
  '../../etc/passwd',
  '$(reboot)',
  '`id`',
  'wörk',
  'a b',
  'A',
  '-a',
  'a-',
  '',
  'x'.repeat(300),
  'a\0b',
  "a'; DROP TABLE resources; --",
];

for (const name of names) {
  test(`the name ${JSON.stringify(name.slice(0, 30))} is refused on creation, and found nowhere`, async t => {
    await using server = await startServer();
    const before = await everything(server);
    const manifest = {...workspaceNamed('web'), metadata: {name}};
    const created = await server.call(collection, {method: 'POST', json: manifest});
    t.is(created.status, 422, created.text);
    t.true(fieldsOf(created).includes('metadata.name'));
    t.is((await server.call(create, {method: 'POST', json: {workspace_name: name}})).status, 400);

    const path = encodeURIComponent(name);
    if (name !== '' && name !== '..') {
      for (const method of ['GET', 'DELETE'] as const) {
        t.is((await server.call(`${collection}/${path}`, {method})).status, 404);
        t.is((await server.call(`/api/v1/workspaces/${path}`, {method})).status, 404);
      }
    }

    t.deepEqual(await everything(server), before);
  });
}

test('all that is wrong is said at once', async t => {
  await using server = await startServer();
  const manifest = {
    ...workspaceNamed('web'),
    metadata: {name: 'A'},
    spec: {owner: 1, provider: 'x', services: [{name: 'web'}]},
  };
  const answer = await server.call(collection, {method: 'POST', json: manifest});
  t.deepEqual(fieldsOf(answer).toSorted(), [
    'metadata.name',
    'spec.owner',
    'spec.provider',
    'spec.services[0].command',
  ]);
});

test('an object is not written through the path of another', async t => {
  await using server = await startServer();
  const a = await server.client.create('Workspace', workspaceNamed('a'));
  await server.client.create('Workspace', workspaceNamed('b'));
  const {status, json: body} = await server.call(`${collection}/b`, {method: 'PUT', json: a});
  t.is(status, 422);
  t.is(body.details.causes[0].field, 'metadata.name');
});

const queries = [
  'limit=-1',
  'limit=x',
  'continue=nonsense',
  'labelSelector=a==b==c',
  'watch=maybe',
  'timeoutSeconds=1e9',
];

for (const query of queries) {
  test(`the query ${query} is refused`, async t => {
    await using server = await startServer();
    const {status, json: body} = await server.call(`${collection}?${query}`);
    t.is(status, 400);
    t.is(body.kind, 'Status');
  });
}

test('a parameter that is unknown is refused by name', async t => {
  await using server = await startServer();
  const {status, json: body} = await server.call('/api/v1/workspaces/web?forse=1', {method: 'DELETE'});
  t.is(status, 400);
  t.deepEqual(body.error.details, [{path: 'forse', message: 'unknown field; did you mean force?'}]);
});

test('a path that is not there, or not with that method, is refused', async t => {
  await using server = await startServer();
  t.is((await server.call('/api/v1/workspaces/%E0%A4%A')).status, 404);
  t.is((await server.call('/api/v1/nothing-here')).json.error.code, 'NotFound');
  t.is((await server.call('/api/v1/nodes', {method: 'PUT'})).status, 405);
});

test('a body that is cut off half way changes nothing', async t => {
  await using server = await startServer();
  const before = await everything(server);
  const manifest = JSON.stringify(workspaceNamed('web'));
  const {port, hostname} = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.write(
    `POST ${collection} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${server.adminToken}\r\nContent-Type: application/json\r\nContent-Length: ${manifest.length}\r\n\r\n${manifest.slice(0, 80)}`,
  );
  socket.end();
  socket.setEncoding('utf8');
  let text = '';
  socket.on('data', chunk => {
    text += chunk;
  });
  await once(socket, 'close');
  t.regex(text, /^HTTP\/1\.1 400 /);
  t.deepEqual(await everything(server), before);
});

test('a hostile key in a patch becomes no prototype', async t => {
  await using server = await startServer();
  await server.client.create('Workspace', workspaceNamed('web'));
  const {status} = await server.call(`${collection}/web`, {
    method: 'PATCH',
    headers: {'content-type': 'application/merge-patch+json'},
    body: '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  });
  t.is(status, 422);
  t.false('polluted' in {});
});
