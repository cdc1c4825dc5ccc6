import {once} from 'node:events';
import {duplexPair, Readable, Writable} from 'node:stream';
import {buffer, text} from 'node:stream/consumers';
import {pipeline} from 'node:stream/promises';
import {setImmediate as turn} from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import {AgentError} from '../../../../api/agent/v1alpha1/agent-error.ts';
import {features} from '../../../../api/agent/v1alpha1/features.ts';
import {createJsonRpcConnection, serveJsonRpc} from '../../../../api/agent/v1alpha1/json-rpc-connection.ts';
import {initialCredit, receiveWindow} from '../../../../api/agent/v1alpha1/messages.ts';
import type {ServedStream} from '../../../../api/agent/v1alpha1/served-stream.ts';
import type {StreamMultiplexer} from '../../../../api/agent/v1alpha1/stream-multiplexer.ts';
import {createStreamMultiplexer} from '../../../../api/agent/v1alpha1/stream-multiplexer.ts';
import {silentLogger} from '../../../../api/effects/logger.ts';
import {requestHandlers} from '../../../fakes/request-handlers.ts';

/** A client and a server whose tunnels are served by `serve`. */
function connect(serve: (stream: ServedStream) => void) {
  const [here, there] = duplexPair();
  let accepting: StreamMultiplexer | undefined;
  const server = serveJsonRpc({
    input: there,
    output: there,
    log: silentLogger,
    handlers: requestHandlers({
      'features/negotiate': async () => ({features: [...features]}),
      'tunnel/open': async ({stream, port}) => {
        const served = accepting?.accept(stream);
        if (port === 0 || served === undefined) {
          await served?.close({error: 'no such port'});
          throw new AgentError('NotFound', 'nothing listens there');
        }
        serve(served);
        return {};
      },
    }),
  });
  accepting = createStreamMultiplexer(server);
  const client = createJsonRpcConnection({input: here, output: here, log: silentLogger});
  client.request('features/negotiate', {features: [...features]}).catch(() => {});
  const streams = createStreamMultiplexer(client);
  return {
    client,
    server,
    open: (signal?: AbortSignal, port = 1) =>
      streams.open(stream => client.request('tunnel/open', {uid: 'u', stream, port}, signal), signal),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function echo({input, output, close}: ServedStream) {
  await pipeline(input, output);
  await close({exitCode: 0});
}

test('what goes in comes out, and the end is told', async t => {
  await using link = connect(echo);
  const stream = await link.open();
  stream.input.end('hello');
  t.is(await text(stream.output), 'hello');
  t.is(await text(stream.errorOutput), '');
  t.deepEqual(await stream.finished, {exitCode: 0});
});

test('any bytes in any pieces arrive whole and in order, on both outputs', async t => {
  await using link = connect(async ({input, output, errorOutput, close}) => {
    for await (const chunk of input) {
      output.write(chunk);
      errorOutput.write(chunk);
    }
    await close();
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({maxLength: 100_000}), {maxLength: 8}), async chunks => {
      const stream = await link.open();
      for (const chunk of chunks) {
        stream.input.write(chunk);
      }
      stream.input.end();
      const [output, errorOutput] = await Promise.all([buffer(stream.output), buffer(stream.errorOutput)]);
      const expected = Buffer.concat(chunks);
      t.true(output.equals(expected));
      t.true(errorOutput.equals(expected));
      t.deepEqual(await stream.finished, {});
    }),
    {numRuns: 30},
  );
});

test('a reader that stops holds back the writer, and another stream goes on', async t => {
  const written: number[] = [];
  await using link = connect(({output, input, close}) => {
    let bytes = 0;
    const source = Readable.from(
      (function* () {
        for (let index = 0; index < 512; index += 1) {
          bytes += 8192;
          written.push(bytes);
          yield Buffer.alloc(8192, index % 256);
        }
      })(),
    );
    input.resume();
    pipeline(source, output).then(
      () => close(),
      () => {},
    );
  });
  const held = await link.open();
  for (let turns = 0; turns < 2000; turns += 1) {
    await turn();
  }
  // Credit, and the buffers of the streams on the way.
  t.true((written.at(-1) ?? 0) <= receiveWindow + 400_000, `${written.at(-1)} bytes were taken in`);
  const other = await link.open();
  t.is((await buffer(other.output)).length, 512 * 8192);
  t.is((await buffer(held.output)).length, 512 * 8192);
});

test('100 MB go both ways through bounded memory', async t => {
  await using link = connect(echo);
  const stream = await link.open();
  const size = 100 * 1024 * 1024;
  let received = 0;
  let peak = 0;
  const before = process.memoryUsage().arrayBuffers;
  const chunk = Buffer.alloc(65_536, 7);
  const source = Readable.from(
    (function* () {
      for (let sent = 0; sent < size; sent += chunk.length) {
        yield chunk;
      }
    })(),
  );
  await Promise.all([
    pipeline(source, stream.input),
    pipeline(
      stream.output,
      new Writable({
        write(data: Buffer, _encoding, callback) {
          received += data.length;
          peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
          callback();
        },
      }),
    ),
  ]);
  t.is(received, size);
  // Most of it is garbage that was not collected yet: several copies of all that went by would be over 400 MB.
  t.true(peak < size, `${peak} bytes at most`);
});

test('the two directions end one after the other', async t => {
  await using link = connect(async ({input, output, close}) => {
    const all = await text(input);
    output.write(`got ${all}`);
    await close();
  });
  const stream = await link.open();
  stream.input.end('everything');
  t.is(await text(stream.output), 'got everything');
});

test('giving up a stream reaches the other side and ends it here at once', async t => {
  const reached = Promise.withResolvers<unknown>();
  await using link = connect(({aborted}) => {
    aborted.addEventListener('abort', () => reached.resolve(aborted.reason));
  });
  const stream = await link.open();
  stream.abort();
  await t.throwsAsync(stream.finished, {code: 'Disconnected'});
  await t.throwsAsync(text(stream.output), {code: 'Disconnected'});
  t.true((await reached.promise) instanceof AgentError);
  t.notThrows(() => {
    stream.abort();
    stream.resize(1, 1);
  });
});

test('aborting the signal gives up an open stream', async t => {
  const reached = Promise.withResolvers<void>();
  await using link = connect(({aborted}) => {
    aborted.addEventListener('abort', () => reached.resolve());
  });
  const controller = new AbortController();
  const stream = await link.open(controller.signal);
  controller.abort();
  await t.throwsAsync(stream.finished, {code: 'Disconnected'});
  await reached.promise;
});

test('a lost connection cuts off streams on both sides', async t => {
  const reached = Promise.withResolvers<unknown>();
  await using link = connect(({aborted}) => {
    aborted.addEventListener('abort', () => reached.resolve(aborted.reason));
  });
  const stream = await link.open();
  await link.client[Symbol.asyncDispose]();
  await t.throwsAsync(stream.finished, {code: 'Disconnected'});
  t.true((await reached.promise) instanceof AgentError);
  await t.throwsAsync(link.open(), {code: 'Disconnected'});
});

test('a failure of the serving side is told', async t => {
  await using link = connect(({close}) => void close({error: 'the container is gone'}));
  const stream = await link.open();
  await t.throwsAsync(stream.finished, {code: 'Internal', message: 'the container is gone'});
});

test('a request that is refused opens nothing', async t => {
  await using link = connect(echo);
  await t.throwsAsync(link.open(undefined, 0), {code: 'NotFound'});
});

test('resizing reaches the serving side', async t => {
  const sizes: number[][] = [];
  await using link = connect(({onResize, close, input}) => {
    onResize((columns, rows) => sizes.push([columns, rows]));
    input.resume();
    input.on('end', () => void close());
  });
  const stream = await link.open();
  stream.resize(120, 40);
  stream.resize(80, 24);
  stream.input.end();
  await stream.finished;
  t.deepEqual(sizes, [
    [120, 40],
    [80, 24],
  ]);
});

test('one that sends more than it was granted is cut off', async t => {
  await using link = connect(({aborted}) => void aborted);
  const stream = await link.open();
  for (let sent = 0; sent <= receiveWindow; sent += 32_768) {
    link.server.notify('stream/data', {stream: 1, channel: 1, data: Buffer.alloc(32_768).toString('base64')});
  }
  await t.throwsAsync(stream.finished, {code: 'Invalid'});
  await t.throwsAsync(text(stream.output), {code: 'Invalid'});
});

test('messages of unknown streams and channels are ignored', async t => {
  await using link = connect(echo);
  link.server.notify('stream/data', {stream: 99, channel: 1, data: 'aGk='});
  link.server.notify('stream/credit', {stream: 99, channel: 1, bytes: 5});
  link.server.notify('stream/closed', {stream: 99});
  const stream = await link.open();
  link.server.notify('stream/data', {stream: 1, channel: 0, data: 'aGk='});
  link.server.notify('stream/credit', {stream: 1, channel: 0, bytes: -1_000_000});
  stream.input.end('still here');
  t.is(await text(stream.output), 'still here');
});

test('a caller that sends more than it was granted is cut off', async t => {
  const reached = Promise.withResolvers<unknown>();
  await using link = connect(({aborted}) => {
    aborted.addEventListener('abort', () => reached.resolve(aborted.reason));
  });
  const stream = await link.open();
  for (let sent = 0; sent <= 2 * receiveWindow; sent += 32_768) {
    link.client.notify('stream/data', {stream: 1, channel: 0, data: Buffer.alloc(32_768).toString('base64')});
  }
  await t.throwsAsync(stream.finished, {message: /more on stream 1 than it was granted/});
  t.like(await reached.promise, {code: 'Invalid'});
});

test('closing a stream that the caller has given up, or closing it again, does nothing', async t => {
  const served = Promise.withResolvers<ServedStream>();
  await using link = connect(stream => served.resolve(stream));
  const stream = await link.open();
  const {close, output, aborted} = await served.promise;
  output.write(Buffer.alloc(2 * initialCredit));
  const closing = close({exitCode: 0});
  stream.abort();
  await closing;
  t.true(aborted.aborted);
  await t.notThrowsAsync(close());
});

test('a stream whose id is in use is refused', async t => {
  const [here, there] = duplexPair();
  const server = serveJsonRpc({input: there, output: there, log: silentLogger, handlers: requestHandlers()});
  using streams = createStreamMultiplexer(server);
  streams.accept(1);
  t.throws(() => streams.accept(1), {code: 'Invalid'});
  here.destroy();
});

test('disposing of the multiplexer cuts off its streams and leaves the connection', async t => {
  const [here, there] = duplexPair();
  const server = serveJsonRpc({
    input: there,
    output: there,
    log: silentLogger,
    handlers: requestHandlers({'tunnel/open': async () => ({})}),
  });
  const client = createJsonRpcConnection({input: here, output: here, log: silentLogger});
  const streams = createStreamMultiplexer(client);
  const stream = await streams.open(id => client.request('tunnel/open', {uid: 'u', stream: id, port: 1}));
  streams[Symbol.dispose]();
  await t.throwsAsync(stream.finished, {code: 'Disconnected'});
  t.false(client.closed.aborted);
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const frame = (message: object) => {
  const body = JSON.stringify({jsonrpc: '2.0', ...message});
  return `Content-Length: ${body.length}\r\n\r\n${body}`;
};

/** What a controller writes to an agent that knows these features. */
async function saidToAgent(known: readonly string[], data: Buffer): Promise<string> {
  const [here, there] = duplexPair();
  await using client = createJsonRpcConnection({input: here, output: here, log: silentLogger});
  const negotiated = client.request('features/negotiate', {features: []});
  const asked = /"id":(\d+)/.exec(await saidUntil(there, 'features/negotiate'));
  there.write(frame({id: Number(asked?.[1]), result: {features: known}}));
  await negotiated;
  client.notify('stream/data', {stream: 7, channel: 0, data});
  client.notify('stream/end', {stream: 7, channel: 0});
  return await saidUntil(there, 'stream/end');
}

/** What an agent writes to a controller that knows these features; undefined: to one that does not negotiate. */
async function saidToController(known: readonly string[] | undefined, data: Buffer): Promise<string> {
  const [here, there] = duplexPair();
  const handlers = requestHandlers({'features/negotiate': async () => ({features: []})});
  await using server = serveJsonRpc({input: there, output: there, log: silentLogger, handlers});
  if (known !== undefined) {
    here.write(frame({id: 1, method: 'features/negotiate', params: {features: known}}));
    await saidUntil(here, '"result"');
  }

  server.notify('stream/data', {stream: 7, channel: 0, data});
  server.notify('stream/end', {stream: 7, channel: 0});
  return await saidUntil(here, 'stream/end');
}

async function saidUntil(stream: Readable, last: string): Promise<string> {
  let said = '';
  while (!said.includes(last)) {
    const chunk: Buffer | null = stream.read();
    said += chunk?.toString('latin1') ?? '';
    await (chunk === null ? once(stream, 'readable') : undefined);
  }

  return said;
}

test('bytes go as they are to peers that say they take them, and as base64 to older ones', async t => {
  const data = Buffer.from([0, 1, 2, 255, 123, 34]);
  for (const old of [
    await saidToAgent(['package'], data),
    await saidToController(['package'], data),
    await saidToController(undefined, data),
  ]) {
    t.true(old.includes(`"data":"${data.toString('base64')}"`), old);
  }

  const known = ['binaryStreams', 'more than we know'];
  for (const present of [await saidToAgent(known, data), await saidToController(known, data)]) {
    t.true(present.includes(`Content-Length: 12\r\n\r\n\0\0\0\0\u0007\0${data.toString('latin1')}`));
    t.false(present.includes('"data"'));
  }
});

test('whatever bytes a stream is given, and in whatever pieces, come out at the other end', async t => {
  await using link = connect(echo);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({maxLength: 70_000}), {maxLength: 8}), async pieces => {
      const stream = await link.open();
      const sent = Buffer.concat(pieces);
      for (const piece of pieces) {
        stream.input.write(Buffer.from(piece));
      }

      stream.input.end();
      t.true(sent.equals(await buffer(stream.output)));
      await stream.finished;
    }),
    {numRuns: 30},
  );
});

test('a binary message that is cut short ends the connection', async t => {
  const [here, there] = duplexPair();
  const client = createJsonRpcConnection({input: here, output: here, log: silentLogger});
  const closed = new Promise(resolve => client.closed.addEventListener('abort', resolve));
  there.resume();
  there.write('Content-Length: 3\r\n\r\n\0\0\0');
  await closed;
  t.regex(String(client.closed.reason), /cut short/);
});
