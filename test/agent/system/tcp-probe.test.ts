import {once} from 'node:events';
import type {Socket} from 'node:net';
import {createServer} from 'node:net';
import test from 'ava';
import {RefusedError} from '../../../agent/probe.ts';
import {connectTcp} from '../../../agent/system/tcp-connect.ts';
import {createTcpProbe} from '../../../agent/system/tcp-probe.ts';

const tcpProbe = createTcpProbe(connectTcp);

const address = '127.0.0.1';
const patient = new AbortController().signal;

async function serve(handle: (socket: Socket) => void) {
  const server = createServer(socket => handle(socket));
  server.listen(0, address);
  await once(server, 'listening');
  const bound = server.address();
  return {
    port: typeof bound === 'object' ? (bound?.port ?? 0) : 0,
    [Symbol.dispose]: () => void server.close(),
  };
}

test('an answer to GET gives its status, however it is cut into pieces', async t => {
  using server = await serve(socket => {
    socket.once('data', request => {
      t.regex(request.toString(), /^GET \/healthz\?a=1 HTTP\/1\.1\r\nHost: localhost:\d+\r\n/);
      socket.write('HTTP/1.1 20');
      setImmediate(() => socket.end('4 No Content\r\n\r\n'));
    });
  });
  t.is(await tcpProbe.http(address, {port: server.port, path: '/healthz?a=1'}, patient), 204);
});

test('what does not speak HTTP, or says nothing, fails', async t => {
  using talker = await serve(socket => socket.end('220 mail ready\r\n'));
  await t.throwsAsync(tcpProbe.http(address, {port: talker.port, path: '/'}, patient), {
    message: /expected protocol/,
  });
  using silent = await serve(socket => socket.end());
  await t.throwsAsync(tcpProbe.http(address, {port: silent.port, path: '/'}, patient), {
    message: /without an answer/,
  });
});

test('an answer without end is given up', async t => {
  using server = await serve(socket => {
    socket.on('error', () => {});
    const talk = () => socket.write('x'.repeat(4096), error => !error && setImmediate(talk));
    talk();
  });
  await t.throwsAsync(tcpProbe.http(address, {port: server.port, path: '/'}, patient));
});

test('a port on which nothing listens is told apart from one that does not answer', async t => {
  const closed = await serve(() => {});
  closed[Symbol.dispose]();
  await t.throwsAsync(tcpProbe.tcp(address, closed.port, patient), {instanceOf: RefusedError});
});

test('a check ends its connection in an orderly way, so that a small server survives it', async t => {
  const ended = Promise.withResolvers<unknown>();
  using server = await serve(socket => {
    socket.on('error', error => ended.resolve(error));
    socket.on('close', () => ended.resolve('closed'));
    socket.write('welcome');
  });
  await tcpProbe.tcp(address, server.port, patient);
  t.is(await ended.promise, 'closed');
});

test('giving up ends a check that waits', async t => {
  using server = await serve(() => {});
  const stop = new AbortController();
  const checking = tcpProbe.http(address, {port: server.port, path: '/'}, stop.signal);
  stop.abort(new Error('enough'));
  await t.throwsAsync(checking);
});
