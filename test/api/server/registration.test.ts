import type {Server} from 'node:http';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import test from 'ava';
import {createGithubIdentity} from '../../../api/server/github-identity.ts';
import {sshKey, startServer} from './test-server.ts';

/** GitHub's `/user` as a real server, which answers what `accounts` has for a token. */
async function startGithub(
  accounts: Record<string, {status: number; body: unknown; headers?: Record<string, string>}>,
) {
  const server: Server = createServer((request, response) => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    const {status, body, headers = {}} = accounts[token] ?? {status: 401, body: {message: 'Bad credentials'}};
    response.writeHead(request.url === '/api/user' ? status : 404, {
      'content-type': 'application/json',
      ...headers,
    });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const {port}: Pick<AddressInfo, 'port'> = Object.assign({port: 0}, server.address());
  return {
    identity: createGithubIdentity({baseUrl: `http://127.0.0.1:${port}/api`}),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

const path = '/api/v1/users/register-github';

function request(overrides: object = {}) {
  const {publicKey, fingerprint} = sshKey();
  return {
    github_username: 'Ada',
    github_id: 42,
    ssh_pubkey: publicKey,
    ssh_pubkey_fingerprint: fingerprint,
    ...overrides,
  };
}

const ada = {status: 200, body: {login: 'Ada', id: 42}};

test('a GitHub account is registered once GitHub says whose token it is, and may then use the API', async t => {
  await using github = await startGithub({gho_ada: ada});
  await using server = await startServer({github: github.identity});
  const json = request();
  const answer = await server.call(path, {method: 'POST', token: 'gho_ada', json});
  t.is(answer.status, 201, answer.text);
  t.deepEqual(answer.json.workspaces, []);
  t.regex(answer.json.registered_at, /^20/);
  const user = await server.clientWith(answer.json.token).users.get(answer.json.user_id);
  t.like(user, {name: 'ada', role: 'user', github_username: 'Ada', github_id: 42});
  t.deepEqual(user.ssh_keys, [{public_key: json.ssh_pubkey, fingerprint: json.ssh_pubkey_fingerprint}]);

  t.is((await server.call(path, {method: 'POST', token: 'gho_ada', json})).status, 409);
});

test('the name of another GitHub account is never believed', async t => {
  await using github = await startGithub({gho_eve: {status: 200, body: {login: 'eve', id: 666}}});
  await using server = await startServer({github: github.identity});
  const call = (json: object, token: string | null) => server.call(path, {method: 'POST', json, token});
  t.is((await call(request(), 'gho_eve')).status, 403);
  t.is((await call(request({github_username: 'eve'}), 'gho_eve')).status, 403);
  t.is((await call(request({github_id: 666}), 'gho_eve')).status, 403);
  t.is((await call(request(), 'gho_unknown')).status, 401);
  t.is((await call(request(), null)).status, 401);
  const {token} = await server.user('bob');
  t.is((await call(request(), token)).status, 401);
  t.deepEqual(
    (await server.storage.list('User')).items.map(({metadata}) => metadata.name),
    ['admin', 'bob'],
  );
});

test('an account that was renamed is known by its id', async t => {
  await using github = await startGithub({
    gho_ada: ada,
    gho_new: {status: 200, body: {login: 'ada2', id: 42}},
  });
  await using server = await startServer({github: github.identity});
  await server.call(path, {method: 'POST', token: 'gho_ada', json: request()});
  const json = request({github_username: 'ada2'});
  t.is((await server.call(path, {method: 'POST', token: 'gho_new', json})).status, 409);
});

test('an admin registers GitHub accounts without asking GitHub', async t => {
  await using server = await startServer();
  const registered = await server.client.users.registerGithub(request());
  t.is(registered.name, 'ada');
});

const refusals: readonly (readonly [
  string,
  {status: number; body: unknown; headers?: Record<string, string>},
  number,
])[] = [
  ['that its limit is used up (429)', {status: 429, body: {}, headers: {'retry-after': '7'}}, 429],
  [
    'that its limit is used up (403)',
    {status: 403, body: {message: 'API rate limit exceeded'}, headers: {'x-ratelimit-remaining': '0'}},
    429,
  ],
  ['that the token may not', {status: 403, body: {message: 'Resource protected by SAML'}}, 403],
  ['that it is broken', {status: 502, body: 'oops'}, 503],
  ['nonsense', {status: 200, body: '<html>'}, 503],
];

for (const [title, answer, status] of refusals) {
  test(`when GitHub answers ${title}, so is ${status} answered, with what to do`, async t => {
    await using github = await startGithub({gho_ada: answer});
    await using server = await startServer({github: github.identity});
    const refused = await server.call(path, {method: 'POST', token: 'gho_ada', json: request()});
    t.is(refused.status, status, refused.text);
    if (status !== 403) {
      t.truthy(refused.headers['retry-after']);
      t.truthy(refused.json.error.hint);
    }

    t.notRegex(refused.text, /gho_ada/);
  });
}

test('when GitHub can not be reached, 503 is answered', async t => {
  await using server = await startServer({github: createGithubIdentity({baseUrl: 'http://127.0.0.1:1'})});
  const refused = await server.call(path, {method: 'POST', token: 'gho_ada', json: request()});
  t.is(refused.status, 503);
  t.regex(refused.json.error.message, /can not be reached/);
});

test('a fingerprint that is not of the key, and a damaged key, are refused', async t => {
  await using server = await startServer();
  const wrong = await server.call(path, {
    method: 'POST',
    json: request({ssh_pubkey_fingerprint: sshKey().fingerprint}),
  });
  t.is(wrong.status, 400);
  t.is(wrong.json.error.details[0].path, 'ssh_pubkey_fingerprint');
  const damaged = await server.call(path, {method: 'POST', json: request({ssh_pubkey: 'ssh-ed25519 AAAA'})});
  t.is(damaged.json.error.details[0].path, 'ssh_pubkey');
});

test('only admins register others by name, unless registration is open; nobody becomes admin by it', async t => {
  await using closed = await startServer();
  const {client} = await closed.user('ada');
  await t.throwsAsync(client.users.register({name: 'bob'}), {code: 'Forbidden'});
  t.is((await closed.client.users.register({name: 'bob', role: 'admin'})).name, 'bob');
  await t.throwsAsync(closed.client.users.register({name: 'bob'}), {code: 'AlreadyExists'});
  t.is((await closed.client.users.get('bob')).role, 'admin');

  await using open = await startServer({openRegistration: true});
  const call = (json: object) => open.call('/api/v1/users/register', {method: 'POST', token: null, json});
  t.is((await call({name: 'eve'})).status, 201);
  t.is((await call({name: 'mallory', role: 'admin'})).status, 403);
});

test('keys are added one by one, and each only once', async t => {
  await using server = await startServer();
  const {client} = await server.user('ada');
  const [first, second] = [sshKey(), sshKey()];
  await client.users.setSshKey('me', {ssh_pubkey: first.publicKey});
  await client.users.setSshKey('me', {
    ssh_pubkey: first.publicKey,
    ssh_pubkey_fingerprint: first.fingerprint,
  });
  const user = await client.users.setSshKey('ada', {ssh_pubkey: second.publicKey});
  t.deepEqual(
    user.ssh_keys.map(({fingerprint}) => fingerprint),
    [first.fingerprint, second.fingerprint],
  );
});

test('credentials are kept, listed without their secret, and forgotten', async t => {
  await using server = await startServer();
  const {client} = await server.user('ada');
  const credential = {type: 'password', username: 'ada', password: 's3cr3t'} as const;
  await client.users.setCredential('me', 'github.com', {credential});
  const listed = await client.users.listCredentials('me');
  t.deepEqual(
    listed.map(({host}) => host),
    ['github.com'],
  );
  const [stored] = (await server.storage.list('Credential')).items;
  t.notRegex(JSON.stringify([stored, listed]), /s3cr3t/);
  const {client: bob} = await server.user('bob');
  await t.throwsAsync(bob.users.listCredentials('ada'), {code: 'NotFound'});
  await client.users.deleteCredential('me', 'github.com');
  await t.throwsAsync(client.users.deleteCredential('me', 'github.com'), {code: 'NotFound'});
  await t.throwsAsync(client.users.setCredential('me', 'a/b', {credential}), {code: 'Invalid'});
});
