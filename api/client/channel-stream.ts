import {PassThrough, Writable} from 'node:stream';
import {WebSocket} from 'ws';
import type {AgentStream} from '../agent/v1alpha1/agent-stream.ts';
import {ApiError} from './api-error.ts';
import {channel, decodeChannel, decodeOutcome, encodeChannel, streamProtocol} from './stream-channels.ts';
import type {Query, Transport} from './transport.ts';
import {toApiError} from './transport.ts';

/** An AgentStream of the server's, whose `finished` rejects with ApiError. */
export type ChannelStream = AgentStream;

/** Unsent bytes at which the writer is held back. */
const highWater = 1_048_576;

/** Bytes; the server takes up to a mebibyte. */
const largestMessage = 65_536;

/**
 * Opens a WebSocket on `path` and resolves once it is open; a refusal is thrown as ApiError. The signal aborts the whole stream.
 */
export async function openChannelStream(
  transport: Transport,
  path: string,
  options: {readonly query?: Query; readonly signal?: AbortSignal | undefined},
): Promise<ChannelStream> {
  options.signal?.throwIfAborted();
  const url = transport.resolve(path, options.query);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const {ca, userAgent, timeout = 30_000} = transport.options;
  const socket = new WebSocket(url, streamProtocol, {
    headers: {'user-agent': userAgent ?? 'nexus', ...transport.authorization()},
    handshakeTimeout: timeout,
    perMessageDeflate: false,
    ...(ca === undefined ? {} : {ca}),
  });
  const stream = streamOver(socket);
  const abort = () => stream.abort();
  options.signal?.addEventListener('abort', abort, {once: true});
  socket.once('close', () => options.signal?.removeEventListener('abort', abort));
  await opened(socket, url);
  return stream;
}

function opened(socket: WebSocket, url: URL): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', cause => {
      reject(
        new ApiError('Unreachable', `The server at ${url.host} can't be reached: ${cause.message}`, {
          hint: 'Is it running? `nexus doctor` looks closer.',
          cause,
        }),
      );
    });
    socket.once('unexpected-response', (request, response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('close', () => {
        reject(toApiError(response.statusCode ?? 0, response.headers, Buffer.concat(chunks).toString()));
        request.destroy();
        socket.terminate();
      });
    });
  });
}

function streamOver(socket: WebSocket): ChannelStream {
  const output = new PassThrough();
  const errorOutput = new PassThrough();
  const {promise: finished, resolve, reject} = Promise.withResolvers<{exitCode?: number}>();
  finished.catch(() => undefined);
  const send = (data: Buffer, done: (error?: Error | null) => void) => {
    if (socket.readyState === WebSocket.OPEN) {
      socket.send(data, done);
    } else {
      done(new ApiError('Disconnected', 'The stream is closed'));
    }
  };

  const input = new Writable({
    highWaterMark: highWater,
    write(chunk: Buffer, _encoding, done) {
      for (let start = 0; start < chunk.length; start += largestMessage) {
        const last = start + largestMessage >= chunk.length;
        const part = chunk.subarray(start, start + largestMessage);
        send(encodeChannel(channel.stdin, part), last ? done : () => undefined);
      }
    },
    // Ended by the other side first: there is nobody to tell.
    final: done => send(encodeChannel(channel.close, Uint8Array.of(channel.stdin)), () => done()),
  });
  input.on('error', () => undefined);

  const deliver = (to: PassThrough, data: Buffer) => {
    if (!to.destroyed && !to.write(data)) {
      socket.pause();
      to.once('drain', () => socket.resume());
    }
  };

  socket.on('message', (message: Buffer) => {
    const decoded = decodeChannel(message);
    if (decoded?.channel === channel.stdout) {
      deliver(output, decoded.data);
    } else if (decoded?.channel === channel.stderr) {
      deliver(errorOutput, decoded.data);
    } else if (decoded?.channel === channel.status) {
      const outcome = decodeOutcome(decoded.data);
      if (outcome.succeeded) {
        resolve(outcome.exitCode === undefined ? {} : {exitCode: outcome.exitCode});
      } else {
        reject(new ApiError(outcome.code, outcome.message));
      }
    }
  });
  socket.on('error', cause => reject(new ApiError('Disconnected', cause.message, {cause})));
  socket.once('close', () => {
    // After a status this changes nothing: a promise settles once.
    reject(new ApiError('Disconnected', 'The connection to the server was lost before the stream ended'));
    output.end();
    errorOutput.end();
    input.destroy();
  });

  return {
    input,
    output,
    errorOutput,
    finished,
    resize(columns, rows) {
      send(encodeChannel(channel.resize, JSON.stringify({Width: columns, Height: rows})), () => undefined);
    },
    abort: () => socket.terminate(),
  };
}
