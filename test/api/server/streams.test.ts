import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {buffer, text} from 'node:stream/consumers';
import test from 'ava';
import {WebSocket} from 'ws';
import {AgentError} from '../../../api/agent/v1alpha1/agent-error.ts';
import type {ExecRequest, LiveInstances, LogSource} from '../../../api/server/live-instances.ts';
import type {TestServer} from './test-server.ts';
import {fakeStream, noLiveInstances, startServer, workspaceNamed} from './test-server.ts';

type Fake = ReturnType<typeof fakeStream>;

/** One workspace `web` with one service, whose streams are in the hands of the test. */
async function startWithStreams() {
  const opened: {fake: Fake; request?: ExecRequest; source?: LogSource; port?: number}[] = [];
  const restarted: string[] = [];
  const open = (entry: Omit<(typeof opened)[number], 'fake'>) => {
    const fake = fakeStream();
    opened.push({...entry, fake});
    return fake.stream;
  };

  const live: LiveInstances = {
    exec: async (_, request) => open({request}),
    logs: async (_, source) => open({source}),
    tunnel: async (_, port) => open({port}),
    async restartService(_, service) {
      restarted.push(service);
    },
  };
  const server: TestServer = await startServer({live});
  const services = [{name: 'api', command: 'npm start'}];
  await server.client.create('Workspace', workspaceNamed('web', {services}));
  return {server, opened, restarted, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]()};
}

test('a program gets its arguments and input, and its outputs and exit code come back', async t => {
  await using s = await startWithStreams();
  const command = ['sh', '-c', 'echo "$A" & exit 7'];
  const stream = await s.server.client.workspaces.exec('web', {
    command,
    env: {A: 'x=y z'},
    directory: '/tmp',
  });
  const {fake, request} = s.opened[0] ?? t.fail();
  t.deepEqual(request, {command, user: 'dev', env: {A: 'x=y z'}, directory: '/tmp'});

  stream.input.end('hello');
  t.is(await text(fake.input), 'hello');
  fake.output.write('out');
  fake.errorOutput.write('err');
  fake.finish({exitCode: 7});
  t.is(await text(stream.output), 'out');
  t.is(await text(stream.errorOutput), 'err');
  t.deepEqual(await stream.finished, {exitCode: 7});
});

test('a terminal has a size, and is resized', async t => {
  await using s = await startWithStreams();
  const tty = {columns: 120, rows: 40, term: 'xterm'};
  const stream = await s.server.client.workspaces.exec('web', {command: ['bash'], user: 'root', tty});
  const {fake, request} = s.opened[0] ?? t.fail();
  t.deepEqual(request, {command: ['bash'], user: 'root', env: {}, tty});
  stream.resize(80, 24);
  stream.input.end();
  await text(fake.input);
  t.deepEqual(fake.sizes, [[80, 24]]);
  fake.finish({exitCode: 0});
  t.deepEqual(await stream.finished, {exitCode: 0});
});

test('a client that goes away takes its program along', async t => {
  await using s = await startWithStreams();
  const stream = await s.server.client.workspaces.exec('web', {command: ['sleep', '1d']});
  const {fake} = s.opened[0] ?? t.fail();
  stream.abort();
  await fake.aborted;
  await t.throwsAsync(stream.finished, {code: 'Disconnected'});
});

test('a stream that is cut off on the far side says why', async t => {
  await using s = await startWithStreams();
  const stream = await s.server.client.workspaces.exec('web', {command: ['true']});
  s.opened[0]?.fake.finish(new AgentError('Disconnected', 'The node went away'));
  await t.throwsAsync(stream.finished, {code: 'Disconnected', message: 'The node went away'});
});

test('megabytes pass a tunnel both ways unchanged', async t => {
  await using s = await startWithStreams();
  const stream = await s.server.client.workspaces.tunnel('web', 3000);
  const {fake, port} = s.opened[0] ?? t.fail();
  t.is(port, 3000);
  const content = randomBytes(8_000_000);
  fake.input.pipe(fake.output, {end: false});
  fake.input.once('end', () => fake.finish({}));
  stream.input.end(content);
  const received = await buffer(stream.output);
  t.is(received.length, content.length);
  t.true(content.equals(received));
});

test('what cannot be opened is refused before the connection is a WebSocket', async t => {
  await using server = await startServer();
  await server.client.create('Workspace', workspaceNamed('web'));
  const {workspaces} = server.client;
  await t.throwsAsync(workspaces.exec('web', {command: ['id']}), {code: 'Disconnected'});
  await t.throwsAsync(workspaces.exec('absent', {command: ['id']}), {code: 'NotFound'});
  await t.throwsAsync(workspaces.tunnel('web', 0), {code: 'Invalid', message: /between 1 and 65535/});
  await t.throwsAsync(workspaces.exec('web', {command: ['']}), {code: 'Invalid'});
  await t.throwsAsync(server.clientWith('nexus_bad').workspaces.exec('web', {command: ['id']}), {
    code: 'Unauthorized',
  });
  t.is((await server.call('/api/v1/workspaces/web/exec?command=id')).status, 426);
});

test('a page of a strange origin gets no WebSocket', async t => {
  await using s = await startWithStreams();
  const url = `${s.server.url.replace('http', 'ws')}/api/v1/workspaces/web/exec?command=id`;
  const socket = new WebSocket(url, 'v5.channel.k8s.io', {
    headers: {authorization: `Bearer ${s.server.adminToken}`, origin: 'https://evil.example'},
  });
  const [, response] = await once(socket, 'unexpected-response');
  t.is(response.statusCode, 403);
  socket.once('error', () => undefined);
  socket.terminate();
  t.is(s.opened.length, 0);
});

test('messages that mean nothing are passed over', async t => {
  await using s = await startWithStreams();
  const url = `${s.server.url.replace('http', 'ws')}/api/v1/workspaces/web/exec?command=cat`;
  const socket = new WebSocket(url, 'v5.channel.k8s.io', {
    headers: {authorization: `Bearer ${s.server.adminToken}`},
  });
  await once(socket, 'open');
  const {fake} = s.opened[0] ?? t.fail();
  for (const message of [
    Buffer.alloc(0),
    Buffer.from([9, 1]),
    Buffer.from('\x04{'),
    Buffer.from('\x04{"Width":-1,"Height":1}'),
    Buffer.from('\x04null'),
  ]) {
    socket.send(message);
  }

  socket.send('text');
  socket.send(Buffer.from('\0hello'));
  socket.send(Buffer.from([255, 0]));
  t.is(await text(fake.input), 'hello');
  t.deepEqual(fake.sizes, []);
  const [message] = await Promise.all([once(socket, 'message'), fake.finish({})]);
  t.regex(String(message[0]), /"Success"/);
  socket.terminate();
});

test('a log is told as it was written, and followed until it ends', async t => {
  await using s = await startWithStreams();
  const log = await s.server.client.workspaces.logs('web', 'api', {follow: true, tail: 5});
  const {fake, source} = s.opened[0] ?? t.fail();
  t.deepEqual(source, {type: 'service', name: 'api'});
  fake.output.write('one\n');
  const [first] = await once(log, 'data');
  t.is(String(first), 'one\n');
  fake.output.write('two\n');
  fake.finish({});
  t.is(await text(log), 'two\n');

  const setup = await s.server.client.workspaces.setupLogs('web');
  t.deepEqual(s.opened[1]?.source, {type: 'setup'});
  s.opened[1]?.fake.finish({});
  t.is(await text(setup), '');
  await t.throwsAsync(s.server.client.workspaces.logs('web', 'nope'), {
    code: 'NotFound',
    message: /there are: api/,
  });
});

test('who stops reading a log stops it', async t => {
  await using s = await startWithStreams();
  const log = await s.server.client.workspaces.logs('web', 'api', {follow: true});
  log.on('error', () => undefined);
  log.destroy();
  await s.opened[0]?.fake.aborted;
  t.is(s.opened.length, 1);
});

test('a log that is cut off does not look like one that ended', async t => {
  await using s = await startWithStreams();
  const log = await s.server.client.workspaces.logs('web', 'api');
  const {fake} = s.opened[0] ?? t.fail();
  fake.output.write('half');
  await once(log, 'data');
  fake.stream.abort();
  await t.throwsAsync(text(log));
});

test('a service is restarted, and the events say who asked', async t => {
  await using s = await startWithStreams();
  await s.server.client.workspaces.restartService('web', 'api');
  t.deepEqual(s.restarted, ['api']);
  t.true(
    (await s.server.client.workspaces.events('web')).some(
      ({spec}) => spec.reason === 'ServiceRestartRequested',
    ),
  );
  await t.throwsAsync(s.server.client.workspaces.restartService('web', 'nope'), {code: 'NotFound'});
});

test('without a node the log is refused with what to do', async t => {
  await using server = await startServer({live: noLiveInstances});
  await server.client.create('Workspace', workspaceNamed('web', {services: [{name: 'api', command: 'x'}]}));
  const {status, json} = await server.call('/api/v1/workspaces/web/services/api/logs');
  t.is(status, 503);
  t.regex(json.error.hint, /nexus node status/);
});

test('the server ends streams when it stops', async t => {
  const s = await startWithStreams();
  const stream = await s.server.client.workspaces.exec('web', {command: ['sleep', '1d']});
  await s.server[Symbol.asyncDispose]();
  await t.throwsAsync(stream.finished, {code: 'Disconnected'});
});
