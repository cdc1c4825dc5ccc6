import {mkdtemp, rm} from 'node:fs/promises';
import type {IncomingMessage, Server} from 'node:http';
import {createServer} from 'node:http';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {WebSocket} from 'ws';
import {WebSocketServer} from 'ws';

/** `cut` closes the connection without an answer; `hang` never answers. */
export type StubAnswer = {readonly status?: number; readonly body: object} | 'cut' | 'hang';

export type StubBackend = AsyncDisposable & {
  readonly socket: string;
  /** `METHOD /path`, in the order of arrival. */
  readonly requests: readonly string[];
  /** Open websockets, most recent last. */
  readonly websockets: readonly WebSocket[];
  /** As a restart does. */
  stop(): Promise<void>;
  start(): Promise<void>;
};

/** A backend that answers as a test says, for what a real one can't be made to do at a given moment. */
export async function openStubBackend(
  answer: (request: {readonly what: string; readonly url: URL}) => StubAnswer,
): Promise<StubBackend> {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-stub-'));
  const socket = join(folder, 'unix.socket');
  const requests: string[] = [];
  const websockets: WebSocket[] = [];
  let server: Server | undefined;

  async function start(): Promise<void> {
    const started = createServer((request: IncomingMessage, response) => {
      const url = new URL(request.url ?? '/', 'http://backend');
      const what = `${request.method} ${url.pathname}`;
      requests.push(what);
      request.resume();
      const answered = answer({what, url});
      if (answered === 'cut') request.socket.destroy();
      if (typeof answered === 'string') return;
      response.writeHead(answered.status ?? 200, {'content-type': 'application/json'});
      response.end(JSON.stringify(answered.body));
    });
    const upgrades = new WebSocketServer({server: started});
    upgrades.on('connection', websocket => websockets.push(websocket));
    await new Promise<void>(resolve => started.listen(socket, resolve));
    server = started;
  }

  async function stop(): Promise<void> {
    const stopped = server;
    server = undefined;
    for (const websocket of websockets.splice(0)) websocket.terminate();
    stopped?.closeAllConnections();
    await new Promise(resolve => (stopped === undefined ? resolve(undefined) : stopped.close(resolve)));
  }

  await start();
  return {
    socket,
    requests,
    websockets,
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(folder, {recursive: true});
    },
  };
}

export function sync(metadata: unknown): StubAnswer {
  return {body: {type: 'sync', status_code: 200, metadata}};
}

export function async(operation: string): StubAnswer {
  return {
    status: 202,
    body: {type: 'async', status_code: 100, operation: `/1.0/operations/${operation}`, metadata: {}},
  };
}

export function refusal(status: number, error: string): StubAnswer {
  return {status, body: {type: 'error', error_code: status, error}};
}
