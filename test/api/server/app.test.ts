import {connect} from 'node:net';
import {text as textOf} from 'node:stream/consumers';
import test from 'ava';
import type {Logger} from '../../../api/effects/logger.ts';
import type {Storage} from '../../../api/storage/storage.ts';
import type {TestServer} from './test-server.ts';
import {startServer, workspaceNamed} from './test-server.ts';

/** What is logged, as fields with their sentence. */
function recordingLogger(): {
  log: Logger;
  lines: {level: string; message: string; [field: string]: unknown}[];
} {
  const lines: {level: string; message: string}[] = [];
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({...fields, level, message});
  };
  const log: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
  };
  return {log, lines};
}

/** One request by hand, for what a client would not send. */
async function raw(server: TestServer, lines: readonly string[]): Promise<string> {
  const {hostname, port} = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.write([...lines, 'Connection: close', '', ''].join('\r\n'));
  return textOf(socket);
}

test('a request id is taken when harmless, made otherwise, and answered', async t => {
  await using server = await startServer();
  const idFor = async (given?: string) =>
    (await server.call('/livez', given === undefined ? {} : {headers: {'x-request-id': given}})).headers[
      'x-request-id'
    ];
  t.is(await idFor('abc-1.2:3'), 'abc-1.2:3');
  for (const given of [undefined, 'x'.repeat(129), 'a b', '{"level":50}']) {
    t.regex(String(await idFor(given)), /^[0-9a-f-]{36}$/);
  }

  const {json, headers} = await server.call('/api/v1/workspaces/absent');
  t.is(json.error.requestId, headers['x-request-id']);
});

test('each request is one line in the log, without what could be secret', async t => {
  const {log, lines} = recordingLogger();
  await using server = await startServer({log});
  await server.client.create('Workspace', workspaceNamed('web'));
  await server.call('/api/v1/workspaces/web/exec?command=login&command=hunter2', {
    headers: {'x-request-id': 'r1'},
  });
  const line = lines.find(({requestId}) => requestId === 'r1') ?? t.fail();
  t.like(line, {
    message: 'request',
    method: 'GET',
    route: '/api/v1/workspaces/{id}/exec',
    path: '/api/v1/workspaces/web/exec',
    status: 426,
    user: 'admin',
    code: 'UpgradeRequired',
  });
  t.is(typeof line.milliseconds, 'number');
  t.notRegex(JSON.stringify(lines), new RegExp(`hunter2|${server.adminToken}`));
});

test('a fault is answered without its insides, and logged with them', async t => {
  const {log, lines} = recordingLogger();
  await using server = await startServer({
    log,
    controllerHealth() {
      throw new TypeError('insides');
    },
  });
  const {status, json, text} = await server.call('/health');
  t.is(status, 500);
  t.is(json.error.code, 'InternalError');
  t.notRegex(text, /insides/);
  const fault = lines.find(({level}) => level === 'error') ?? t.fail();
  t.is(fault.requestId, json.error.requestId);
  t.regex(String(fault.err), /insides/);
});

test('a name that is none of the machine is refused on loopback', async t => {
  await using server = await startServer({allowedHosts: ['nexus.example']});
  const statusFor = async (host: string) =>
    (await raw(server, ['GET /livez HTTP/1.1', `Host: ${host}`])).split(' ')[1];
  for (const host of ['127.0.0.1:3001', 'localhost', 'LOCALHOST:1', '[::1]:3001', 'nexus.example']) {
    t.is(await statusFor(host), '200', host);
  }

  for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example']) {
    t.is(await statusFor(host), '421', host);
  }
});

test('pages of named origins may call, others may not', async t => {
  await using server = await startServer({corsOrigins: ['https://good.example']});
  const preflight = (origin: string) =>
    server.call('/api/v1/workspaces', {
      method: 'OPTIONS',
      token: null,
      headers: {origin, 'access-control-request-method': 'POST'},
    });
  const good = await preflight('https://good.example');
  t.is(good.status, 204);
  t.is(good.headers['access-control-allow-origin'], 'https://good.example');
  t.regex(String(good.headers['access-control-allow-headers']), /Idempotency-Key/);
  const evil = await preflight('https://evil.example');
  t.is(evil.headers['access-control-allow-origin'], undefined);
  t.is(evil.headers['access-control-allow-methods'], undefined);
});

test('answers are neither kept, nor sniffed, nor framed', async t => {
  await using server = await startServer();
  const {headers} = await server.call('/livez');
  t.like(headers, {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
  });
});

test('who asks too often is told when to come again, each token for itself', async t => {
  const rate = {perSecond: 0.001, burst: 3};
  await using server = await startServer({limits: {callers: rate, strangers: rate}});
  const {token} = await server.user('ada');
  const statuses: number[] = [];
  for (let count = 0; count < 4; count += 1) {
    statuses.push((await server.call('/version', {token})).status);
  }

  t.deepEqual(statuses, [200, 200, 200, 429]);
  const refused = await server.call('/version', {token});
  t.true(Number(refused.headers['retry-after']) > 0);
  t.regex(refused.json.error.hint, /Try again in/);
  t.is((await server.call('/version')).status, 200);
});

test('guessing tokens is slowed down', async t => {
  await using server = await startServer({limits: {strangers: {perSecond: 0.001, burst: 2}}});
  const statuses: number[] = [];
  for (let count = 0; count < 3; count += 1) {
    statuses.push((await server.call('/version', {token: `nexus_guess${count}`})).status);
  }

  t.deepEqual(statuses, [401, 401, 429]);
  t.is((await server.call('/version')).status, 200);
});

test('a request that takes too long is given up with 504', async t => {
  await using inner = await startServer();
  const slow: Storage = {...inner.storage, ping: () => new Promise(() => undefined)};
  const held = {...slow, [Symbol.asyncDispose]: async () => undefined};
  await using server = await startServer({storage: held, limits: {deadline: 20}});
  const {status, json} = await server.call('/readyz', {token: null});
  t.is(status, 504);
  t.is(json.error.code, 'Timeout');
});

test('a client that goes away is no fault of the server', async t => {
  const {log, lines} = recordingLogger();
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  const logging: Logger = {
    ...log,
    info(fields, message) {
      log.info(fields, message);
      if (message === 'request' && 'cutOff' in fields) {
        answered.resolve();
      }
    },
  };
  await using inner = await startServer();
  const hanging: Storage = {
    ...inner.storage,
    ping() {
      asked.resolve();
      return new Promise(() => undefined);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  await using server = await startServer({storage: hanging, log: logging});
  const leave = new AbortController();
  const asking = fetch(`${server.url}/readyz`, {signal: leave.signal});
  await asked.promise;
  leave.abort();
  await t.throwsAsync(asking);
  await answered.promise;
  t.deepEqual(
    lines.filter(({level}) => level === 'error'),
    [],
  );
});

test('health tells all to the machine itself, and a summary to strangers behind a proxy', async t => {
  await using server = await startServer({
    controllerHealth: () => ({status: 'starting', message: 'syncing'}),
  });
  const local = await server.call('/health', {token: null});
  t.like(local.json, {
    status: 'degraded',
    store: {status: 'ok'},
    controller: {status: 'starting'},
    nodes: [],
  });
  const proxied = {'x-forwarded-for': '203.0.113.7'};
  const stranger = await server.call('/health', {token: null, headers: proxied});
  t.deepEqual(Object.keys(stranger.json).toSorted(), ['status', 'uptime_seconds', 'version']);
  t.is((await server.call('/metrics', {token: null, headers: proxied})).status, 401);
  t.truthy((await server.call('/health', {headers: proxied})).json.store);
  const ready = await server.call('/readyz', {token: null});
  t.is(ready.status, 503);
  t.regex(ready.json.error.message, /controller is starting/);
  t.is((await server.client.health()).status, 'degraded');
});

test('when the store is gone, health says so with 503', async t => {
  await using server = await startServer();
  const broken: Storage = {
    ...server.storage,
    async ping() {
      throw new Error('disk I/O error');
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  await using failing = await startServer({storage: broken});
  const {status, json} = await failing.call('/health', {token: null});
  t.is(status, 503);
  t.like(json, {status: 'unavailable', store: {status: 'unavailable', message: 'disk I/O error'}});
  t.is((await failing.call('/readyz', {token: null})).status, 503);
  t.is((await failing.call('/livez', {token: null})).text, 'ok\n');
});

test('metrics count requests by route, and never by what is in a path', async t => {
  await using server = await startServer();
  await server.call('/api/v1/workspaces/secret-name/status');
  const {text, headers} = await server.call('/metrics', {token: null});
  t.regex(String(headers['content-type']), /^text\/plain/);
  t.regex(
    text,
    /http_requests_total\{method="GET",route="\/api\/v1\/workspaces\/\{id\}\/status",status="404"\} 1/,
  );
  t.regex(text, /http_request_duration_seconds_bucket/);
  t.notRegex(text, /secret-name/);
});

test('discovery tells kubectl what there is', async t => {
  await using server = await startServer();
  const {json} = await server.call('/apis/nexus.dev/v1alpha1');
  t.is(json.kind, 'APIResourceList');
  t.true(json.resources.some((resource: {name: string}) => resource.name === 'workspaces/status'));
  t.is((await server.call('/apis')).json.groups[0].name, 'nexus.dev');
  t.is((await server.call('/version', {token: null})).json.gitVersion, 'v0.0.1-test');
});

test('nodes are added, told of, cordoned and removed', async t => {
  await using server = await startServer();
  const added = await server.call('/api/v1/nodes', {method: 'POST', json: {name: 'a', address: '10.0.0.1'}});
  t.is(added.status, 201);
  t.like(added.json, {name: 'a', address: '10.0.0.1', ready: 'Unknown', unschedulable: false});
  t.true((await server.call('/api/v1/nodes/a/cordon', {method: 'POST'})).json.unschedulable);
  t.false((await server.call('/api/v1/nodes/a/uncordon', {method: 'POST'})).json.unschedulable);
  t.is((await server.call('/api/v1/nodes')).json.nodes.length, 1);
  const {token} = await server.user('ada');
  t.is((await server.call('/api/v1/nodes/a', {token})).json.name, 'a');
  t.is((await server.call('/api/v1/nodes/a/cordon', {method: 'POST', token})).status, 403);

  const created = await server.client.create('Workspace', workspaceNamed('web'));
  await server.storage.updateStatus('Workspace', {...created, status: {node: 'a'}});
  const refused = await server.call('/api/v1/nodes/a', {method: 'DELETE'});
  t.is(refused.status, 409);
  t.regex(refused.json.error.message, /1 workspace is on node "a": web\./);
  t.is((await server.call('/api/v1/nodes/a?force=1', {method: 'DELETE'})).status, 200);
  t.is((await server.call('/api/v1/nodes/a')).status, 404);
});
