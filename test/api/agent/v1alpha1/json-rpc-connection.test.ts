import {once} from 'node:events';
import {duplexPair} from 'node:stream';
import test from 'ava';
import {AgentError} from '../../../../api/agent/v1alpha1/agent-error.ts';
import type {RequestHandlers} from '../../../../api/agent/v1alpha1/connection.ts';
import type {Instance} from '../../../../api/agent/v1alpha1/instance.ts';
import {createJsonRpcConnection, serveJsonRpc} from '../../../../api/agent/v1alpha1/json-rpc-connection.ts';
import {silentLogger} from '../../../../api/effects/logger.ts';
import {runningInstance} from '../../../fakes/instances.ts';
import {requestHandlers} from '../../../fakes/request-handlers.ts';

function connect(given: Partial<RequestHandlers> = {}) {
  const [here, there] = duplexPair();
  const server = serveJsonRpc({
    input: there,
    output: there,
    log: silentLogger,
    handlers: requestHandlers(given),
  });
  const client = createJsonRpcConnection({input: here, output: here, log: silentLogger});
  return {client, server, here, there};
}

test('a request is answered', async t => {
  const {client} = connect({
    'bundle/has': async ({digest}) => ({present: digest === 'abc'}),
  });
  await using connection = client;
  t.deepEqual(await connection.request('bundle/has', {digest: 'abc'}), {present: true});
  t.deepEqual(await connection.request('bundle/has', {digest: 'def'}), {present: false});
});

test('many requests at once each get their own answer', async t => {
  const {client} = connect({'bundle/has': async ({digest}) => ({present: digest.endsWith('7')})});
  await using connection = client;
  const answers = await Promise.all(
    Array.from({length: 500}, (_, index) => connection.request('bundle/has', {digest: String(index)})),
  );
  t.is(answers.filter(({present}) => present).length, 50);
});

test('the code and the message of an AgentError reach the caller', async t => {
  const {client} = connect({
    'instance/start': async () => {
      throw new AgentError('NotPermittedNow', 'it is being deleted');
    },
  });
  await using connection = client;
  await t.throwsAsync(connection.request('instance/start', {uid: 'u'}), {
    name: 'AgentError',
    code: 'NotPermittedNow',
    message: 'it is being deleted',
  });
});

test('an unexpected error of a handler is Internal', async t => {
  const {client} = connect({
    'instance/start': async () => {
      throw new TypeError('cannot read');
    },
  });
  await using connection = client;
  await t.throwsAsync(connection.request('instance/start', {uid: 'u'}), {
    code: 'Internal',
    message: 'instance/start failed: cannot read',
  });
});

test('parameters that do not match the schema are refused before they are sent', async t => {
  const {client} = connect();
  await using connection = client;
  // @ts-expect-error: no uid
  await t.throwsAsync(connection.request('instance/start', {}), {
    code: 'Invalid',
    message: /instance\/start at uid/,
  });
});

test('an answer that does not match the schema is refused', async t => {
  const {client} = connect({
    // @ts-expect-error: present is no boolean
    'bundle/has': async () => ({present: 'yes'}),
  });
  await using connection = client;
  await t.throwsAsync(connection.request('bundle/has', {digest: 'abc'}), {code: 'Invalid'});
});

test('a method that the agent does not know is Unsupported', async t => {
  const [here, there] = duplexPair();
  await using _server = serveJsonRpc({
    input: there,
    output: there,
    log: silentLogger,
    handlers: requestHandlers(),
  });
  const body = JSON.stringify({jsonrpc: '2.0', id: 1, method: 'instance/explode', params: {}});
  here.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
  let answer = '';
  for await (const chunk of here) {
    answer += chunk;
    if (answer.endsWith('}') && answer.includes('"id":1')) {
      break;
    }
  }
  t.regex(answer, /"code":"Unsupported"/);
});

test('aborting a request rejects it at once and reaches the handler', async t => {
  const began = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<unknown>();
  const {client} = connect({
    'instance/start': (_params, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          cancelled.resolve(signal.reason);
          reject(signal.reason);
        });
        began.resolve();
      }),
  });
  await using connection = client;
  const controller = new AbortController();
  const request = connection.request('instance/start', {uid: 'u'}, controller.signal);
  await began.promise;
  controller.abort(new Error('enough'));
  await t.throwsAsync(request, {message: 'enough'});
  t.true((await cancelled.promise) instanceof AgentError);
});

test('requests that wait when the peer dies fail with Disconnected, and so do later ones', async t => {
  const began = Promise.withResolvers<AbortSignal>();
  const {client, there} = connect({
    'instance/start': (_params, signal) => {
      began.resolve(signal);
      return new Promise(() => {});
    },
  });
  await using connection = client;
  const request = connection.request('instance/start', {uid: 'u'});
  const handlerSignal = await began.promise;
  there.destroy();
  await t.throwsAsync(request, {code: 'Disconnected'});
  await t.throwsAsync(connection.request('bundle/has', {digest: 'abc'}), {code: 'Disconnected'});
  t.true(connection.closed.aborted);
  t.true(handlerSignal.aborted);
});

test('disposing of a connection closes the other side', async t => {
  const {client, server} = connect();
  await client[Symbol.asyncDispose]();
  if (!server.closed.aborted) {
    await once(server.closed, 'abort');
  }
  t.true(server.closed.reason instanceof AgentError);
  t.notThrows(() => server.notify('stream/abort', {stream: 1}));
});

test('a peer that speaks something else closes the connection', async t => {
  const [here, there] = duplexPair();
  const connection = createJsonRpcConnection({input: here, output: here, log: silentLogger});
  const request = connection.request('bundle/has', {digest: 'abc'});
  there.write('Last login: Fri Nov 20\r\nMOTD: welcome\r\n\r\n');
  await t.throwsAsync(request, {code: 'Disconnected', message: /does not speak the agent protocol/});
});

test('a peer that sends no message at all, only bytes, is cut off before it fills the memory', async t => {
  const [here, there] = duplexPair();
  const connection = createJsonRpcConnection({input: here, output: here, log: silentLogger});
  const request = connection.request('bundle/has', {digest: 'abc'});
  there.on('error', () => {});
  for (let sent = 0; sent < 64 && !there.destroyed && !connection.closed.aborted; sent += 1) {
    there.write('x'.repeat(16_384));
    await new Promise(resolve => setImmediate(resolve));
  }
  await t.throwsAsync(request, {code: 'Disconnected', message: /does not speak the agent protocol/});
});

test('a message that claims to be enormous closes the connection', async t => {
  const [here, there] = duplexPair();
  const connection = createJsonRpcConnection({input: here, output: here, log: silentLogger});
  const request = connection.request('bundle/has', {digest: 'abc'});
  there.write('Content-Length: 99999999999\r\n\r\n{}');
  await t.throwsAsync(request, {code: 'Disconnected', message: /does not speak the agent protocol/});
});

test('notifications arrive in order, to every listener, until it is disposed of', async t => {
  const {client, server} = connect({'bundle/has': async () => ({present: true})});
  await using connection = client;
  const first: string[] = [];
  const second: string[] = [];
  const listening = connection.on('instance/changed', ({uid}) => first.push(uid));
  connection.on('instance/changed', ({uid}) => second.push(uid));
  server.notify('instance/changed', runningInstance('a'));
  server.notify('instance/changed', runningInstance('b'));
  await connection.request('bundle/has', {digest: 'abc'});
  listening[Symbol.dispose]();
  server.notify('instance/changed', runningInstance('c'));
  await connection.request('bundle/has', {digest: 'abc'});
  t.deepEqual(first, ['a', 'b']);
  t.deepEqual(second, ['a', 'b', 'c']);
});

test('a notification that does not match its schema, or is unknown, is dropped and nothing else', async t => {
  const {client, there} = connect({'bundle/has': async () => ({present: true})});
  await using connection = client;
  const heard: Instance[] = [];
  connection.on('instance/changed', instance => heard.push(instance));
  for (const message of [
    {jsonrpc: '2.0', method: 'instance/changed', params: {uid: 1}},
    {jsonrpc: '2.0', method: 'instance/renamed', params: {}},
    {jsonrpc: '2.0', method: 'instance/changed', params: runningInstance('a')},
  ]) {
    const body = JSON.stringify(message);
    there.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
  }
  await connection.request('bundle/has', {digest: 'abc'});
  t.deepEqual(
    heard.map(({uid}) => uid),
    ['a'],
  );
});

test('a peer that stops reading is given up before what waits for it fills the memory', async t => {
  const [, there] = duplexPair();
  await using server = serveJsonRpc({
    input: there,
    output: there,
    log: silentLogger,
    handlers: requestHandlers(),
  });
  let sent = 0;
  while (!server.closed.aborted && sent < 100_000) {
    server.notify('instance/changed', runningInstance('a'));
    sent += 1;
    if (sent % 100 === 0) {
      await new Promise(resolve => setImmediate(resolve));
    }
  }
  t.true(sent < 11_000, `${sent} messages were taken`);
  t.true(server.closed.aborted);
  t.regex(server.closed.reason.message, /does not take in what it is sent: 10000 messages wait/);
});

test('a peer that reads is sent as many messages as there are', async t => {
  const {client, server} = connect();
  await using connection = client;
  let heard = 0;
  connection.on('instance/changed', () => {
    heard += 1;
  });
  for (let sent = 1; sent <= 15_000; sent += 1) {
    server.notify('instance/changed', runningInstance('a'));
    while (sent - heard > 1000) {
      await new Promise(resolve => setImmediate(resolve));
    }
  }
  while (heard < 15_000) {
    await new Promise(resolve => setImmediate(resolve));
  }
  t.false(server.closed.aborted);
});
