import {once} from 'node:events';
import type {Socket} from 'node:net';
import {connect, createServer} from 'node:net';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {PortInUseError} from '../../../agent/forwards/node-ports.ts';
import {createNetNodePorts} from '../../../agent/system/net-node-ports.ts';
import {connectTcp} from '../../../agent/system/tcp-connect.ts';
import {silentLogger} from '../../../api/effects/logger.ts';

const address = '127.0.0.1';
const ports = createNetNodePorts({address: () => address, log: silentLogger});

/** A server on a free port, with what it does with a connection. */
async function serve(handle: (socket: Socket) => void) {
  const server = createServer({allowHalfOpen: true}, socket => {
    socket.on('error', () => {});
    handle(socket);
  });
  server.listen(0, address);
  await once(server, 'listening');
  const bound = server.address();
  return {port: typeof bound === 'object' ? (bound?.port ?? 0) : 0, close: () => server.close()};
}

async function freePort(): Promise<number> {
  const {port, close} = await serve(() => {});
  close();
  return port;
}

const to = (port: number) => (signal: AbortSignal) => connectTcp(address, port, {signal});

test('a client may end its side first and still gets the whole answer', async t => {
  const target = await serve(socket => {
    void text(socket).then(request => socket.end(`answer to ${request}`));
  });
  t.teardown(target.close);
  await using forward = await ports.listen(await freePort(), to(target.port));
  const client = connect({port: forward.port, host: address, allowHalfOpen: true});
  client.end('a question');
  t.is(await text(client), 'answer to a question');
});

test('twenty megabytes pass unchanged in both directions to a reader that takes its time', async t => {
  const target = await serve(socket => socket.pipe(socket));
  t.teardown(target.close);
  await using forward = await ports.listen(await freePort(), to(target.port));
  const client = connect({port: forward.port, host: address, allowHalfOpen: true});
  const content = Buffer.alloc(20 * 2 ** 20, 'nexus');
  client.end(content);
  let received = 0;
  for await (const chunk of client) {
    t.true(content.subarray(received, received + chunk.length).equals(chunk));
    received += chunk.length;
  }
  t.is(received, content.length);
});

test('a port that another program has is refused as such', async t => {
  const other = await serve(() => {});
  t.teardown(other.close);
  await t.throwsAsync(ports.listen(other.port, to(1)), {instanceOf: PortInUseError});
});

test('a client is dropped when there is nothing behind the port, and the port goes on', async t => {
  let refusing = true;
  const target = await serve(socket => socket.end('here'));
  t.teardown(target.close);
  await using forward = await ports.listen(await freePort(), signal =>
    refusing ? Promise.reject(new Error('not running')) : to(target.port)(signal),
  );
  const first = connect(forward.port, address);
  first.on('error', () => {});
  await once(first, 'close');
  refusing = false;
  t.is(await text(connect(forward.port, address)), 'here');
});

test('closing a port ends its connections and frees it', async t => {
  const ended = Promise.withResolvers<void>();
  const target = await serve(socket => socket.on('close', () => ended.resolve()));
  t.teardown(target.close);
  const forward = await ports.listen(await freePort(), to(target.port));
  const client = connect(forward.port, address);
  client.on('error', () => {});
  client.write('x');
  await once(client, 'connect');
  await forward[Symbol.asyncDispose]();
  await Promise.all([once(client, 'close'), client.destroy()]);
  await using again = await ports.listen(forward.port, to(target.port));
  t.is(again.port, forward.port);
});

test('a client that goes away while it waits aborts what it waits for', async t => {
  const aborted = Promise.withResolvers<unknown>();
  await using forward = await ports.listen(await freePort(), signal => {
    signal.addEventListener('abort', () => aborted.resolve(signal.reason));
    return new Promise(() => {});
  });
  const client = connect(forward.port, address);
  await once(client, 'connect');
  client.resetAndDestroy();
  t.regex(String(await aborted.promise), /client has gone/);
});
