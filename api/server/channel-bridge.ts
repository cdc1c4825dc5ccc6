import type {Readable, Writable} from 'node:stream';
import type {WebSocket} from 'ws';
import {isAgentError} from '../agent/v1alpha1/agent-error.ts';
import type {AgentStream} from '../agent/v1alpha1/agent-stream.ts';
import type {StreamOutcome} from '../client/stream-channels.ts';
import {channel, decodeChannel, encodeChannel, encodeOutcome} from '../client/stream-channels.ts';

/** Columns and rows beyond which no terminal goes. */
const largestTerminal = 1000;

/** Milliseconds between pings, which keep proxies from ending a quiet session, and find out that a client is gone. */
const pingInterval = 20_000;

/**
 * Carries `stream` over `webSocket` until either ends or `signal` is aborted: the one takes the other along. What a side reads slowly, the
 * other side is let send slowly.
 */
export function bridge(webSocket: WebSocket, stream: AgentStream, signal: AbortSignal): void {
  const input = feed(webSocket, stream.input);
  let alive = true;
  const heart = setInterval(() => {
    if (!alive) {
      webSocket.terminate();
    }

    alive = false;
    webSocket.ping();
  }, pingInterval);
  webSocket.on('pong', () => {
    alive = true;
  });
  webSocket.on('message', (message: Buffer, isBinary) => {
    alive = true;
    const decoded = isBinary ? decodeChannel(message) : undefined;
    if (decoded?.channel === channel.stdin) {
      input(decoded.data);
    } else if (decoded?.channel === channel.resize) {
      resize(stream, decoded.data);
    } else if (decoded?.channel === channel.close && decoded.data[0] === channel.stdin) {
      stream.input.end();
    }
  });
  const stop = () => webSocket.close(1001, 'The server is shutting down');
  signal.addEventListener('abort', stop, {once: true});
  webSocket.on('error', () => undefined);
  webSocket.once('close', () => {
    clearInterval(heart);
    signal.removeEventListener('abort', stop);
    stream.abort();
  });
  // A program may end without having read all that was written to it.
  stream.input.on('error', () => undefined);
  void finish(webSocket, stream);
}

async function finish(webSocket: WebSocket, stream: AgentStream): Promise<void> {
  const pumps = Promise.allSettled([
    pump(stream.output, channel.stdout, webSocket),
    pump(stream.errorOutput, channel.stderr, webSocket),
  ]);
  let outcome: StreamOutcome;
  try {
    const {exitCode} = await stream.finished;
    outcome = {succeeded: true, ...(exitCode === undefined ? {} : {exitCode})};
  } catch (error) {
    outcome = isAgentError(error)
      ? {succeeded: false, code: error.code, message: error.message}
      : {succeeded: false, code: 'Internal', message: 'The stream was cut off'};
  }

  if (outcome.succeeded) {
    await pumps;
  }

  if (webSocket.readyState === webSocket.OPEN) {
    webSocket.send(encodeOutcome(outcome), () => webSocket.close(1000));
  }
}

/** Sends what comes, no faster than it is taken. */
async function pump(from: Readable, id: number, webSocket: WebSocket): Promise<void> {
  for await (const chunk of from) {
    await new Promise<void>((resolve, reject) => {
      webSocket.send(encodeChannel(id, chunk), error => (error == null ? resolve() : reject(error)));
    });
  }
}

function feed(webSocket: WebSocket, to: Writable): (data: Buffer) => void {
  return data => {
    if (!to.writable || data.length === 0) {
      return;
    }

    if (!to.write(data)) {
      webSocket.pause();
      to.once('drain', () => webSocket.resume());
    }
  };
}

function resize(stream: AgentStream, data: Buffer): void {
  let size: {Width?: unknown; Height?: unknown} | null;
  try {
    size = JSON.parse(data.toString());
  } catch {
    return;
  }

  const {Width: columns, Height: rows} = size ?? {};
  if (isExtent(columns) && isExtent(rows)) {
    stream.resize(columns, rows);
  }
}

function isExtent(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= largestTerminal;
}
