import type {IncomingMessage, Server} from 'node:http';
import type {Duplex} from 'node:stream';
import type {WebSocket} from 'ws';
import {WebSocketServer} from 'ws';
import type {AgentStream} from '../agent/v1alpha1/agent-stream.ts';
import {streamProtocol} from '../client/stream-channels.ts';
import type {Logger} from '../effects/logger.ts';
import type {Random} from '../effects/random.ts';
import type {Caller} from '../v1alpha1/admission.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import {parseWith} from '../v1alpha1/validate.ts';
import type {AuthorizedStorage} from './authorized-storage.ts';
import {bridge} from './channel-bridge.ts';
import {errorBody, toProblem} from './error-response.ts';
import {findResource} from './find-resource.ts';
import type {LiveInstances} from './live-instances.ts';
import {badToken, bearerToken} from './middleware/authenticate.ts';
import {checkHost} from './middleware/host-check.ts';
import {takeOrRefuse} from './middleware/rate-limit.ts';
import {RequestError} from './request-error.ts';
import {queryObject} from './route.ts';
import {execQuery, tunnelQuery} from './stream-routes.ts';
import type {TokenBuckets} from './token-buckets.ts';
import type {Tokens} from './tokens.ts';

export type WebSocketDoor = {
  /** Serves the WebSockets of `server` from now on; disposing of the result ends those that are open. */
  attach(server: Server): Disposable;
};

type DoorOptions = {
  readonly authorized: AuthorizedStorage;
  readonly tokens: Tokens;
  readonly strangers: TokenBuckets;
  readonly live: LiveInstances;
  readonly random: Random;
  readonly log: Logger;
  readonly corsOrigins: readonly string[];
  readonly allowedHosts: readonly string[];
};

/** Bytes of one message of a client. */
const messageLimit = 1_048_576;

/**
 * Exec and tunnels. Who may not, or asks for what is not there, is refused by an ordinary HTTP answer before the connection is
 * upgraded; a page of a strange origin is, too, since browsers let it try.
 */
export function createWebSocketDoor(options: DoorOptions): WebSocketDoor {
  const {log, random} = options;
  const upgrader = new WebSocketServer({
    noServer: true,
    maxPayload: messageLimit,
    perMessageDeflate: false,
    handleProtocols: protocols => (protocols.has(streamProtocol) ? streamProtocol : false),
  });

  return {
    attach(server) {
      const closing = new AbortController();
      const onUpgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        const requestId = random.uuid();
        const gone = new AbortController();
        const onClose = () => gone.abort(new Error('The client went away'));
        socket.once('close', onClose);
        socket.on('error', onClose);
        const signal = AbortSignal.any([gone.signal, closing.signal]);
        try {
          const {stream, fields} = await admit(request, {requestId, signal}, options);
          log.info({...fields, requestId}, 'stream opened');
          upgrader.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
            bridge(webSocket, stream, signal);
            webSocket.once('close', code => log.info({...fields, requestId, code}, 'stream closed'));
          });
        } catch (error) {
          refuse(socket, error, requestId);
          const problem = toProblem(error);
          log[problem.fault ? 'error' : 'info'](
            {requestId, status: problem.status, code: problem.code, ...(problem.fault ? {err: error} : {})},
            'stream refused',
          );
        }
      };

      server.on('upgrade', onUpgrade);
      return {
        [Symbol.dispose]() {
          server.off('upgrade', onUpgrade);
          closing.abort(new Error('The server is shutting down'));
        },
      };
    },
  };
}

async function admit(
  request: IncomingMessage,
  {requestId, signal}: {requestId: string; signal: AbortSignal},
  options: DoorOptions,
): Promise<{stream: AgentStream; fields: object}> {
  const {authorized, allowedHosts, corsOrigins} = options;
  checkHost(request, allowedHosts);
  const {origin} = request.headers;
  if (origin !== undefined && !corsOrigins.includes(origin)) {
    throw new RequestError('Forbidden', `Pages of ${origin.slice(0, 253)} may not connect here`);
  }

  const url = new URL(request.url ?? '/', 'http://localhost');
  const match = /^\/api\/v1\/workspaces\/(?<id>[a-z0-9-]{1,63})\/(?<what>exec|tunnel)$/.exec(
    url.pathname,
  )?.groups;
  if (match?.id === undefined || match.what === undefined) {
    throw new RequestError('NotFound', `There is no WebSocket at ${url.pathname.slice(0, 300)}`);
  }

  const caller = await identify(request, options);
  const workspace = await findResource(authorized.as(caller, requestId), 'Workspace', match.id);
  const fields = {user: caller.name, workspace: workspace.metadata.name, stream: match.what};
  const open = match.what === 'exec' ? openExec : openTunnel;
  return {stream: await open(workspace, url.searchParams, {live: options.live, signal}), fields};
}

async function identify(request: IncomingMessage, {tokens, strangers}: DoorOptions): Promise<Caller> {
  const token = bearerToken(request.headers.authorization);
  const identified = token === undefined ? undefined : await tokens.identify(token);
  if (identified === undefined) {
    takeOrRefuse(strangers, request.socket.remoteAddress ?? '');
    throw token === undefined
      ? new RequestError('Unauthorized', 'This needs a token, and the request carries none')
      : badToken();
  }

  return identified.caller;
}

type Opening = {readonly live: LiveInstances; readonly signal: AbortSignal};

function openExec(
  workspace: Stored<'Workspace'>,
  search: URLSearchParams,
  {live, signal}: Opening,
): Promise<AgentStream> {
  const {
    command,
    user,
    directory,
    env = [],
    tty,
    columns,
    rows,
    term,
  } = parseWith(execQuery, queryObject(search), 'The query');
  return live.exec(
    workspace,
    {
      command,
      user,
      env: Object.fromEntries(
        env.map(text => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]),
      ),
      ...(directory === undefined ? {} : {directory}),
      ...(tty ? {tty: {columns, rows, term}} : {}),
    },
    signal,
  );
}

function openTunnel(
  workspace: Stored<'Workspace'>,
  search: URLSearchParams,
  {live, signal}: Opening,
): Promise<AgentStream> {
  const {port} = parseWith(tunnelQuery, queryObject(search), 'The query');
  return live.tunnel(workspace, port, signal);
}

function refuse(socket: Duplex, error: unknown, requestId: string): void {
  const problem = toProblem(error);
  const body = JSON.stringify(errorBody(problem, requestId));
  socket.end(
    [
      `HTTP/1.1 ${problem.status} Refused`,
      'Connection: close',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-Id: ${requestId}`,
      ...(problem.status === 401 ? ['WWW-Authenticate: Bearer realm="nexus"'] : []),
      ...(problem.retryAfter === undefined ? [] : [`Retry-After: ${problem.retryAfter}`]),
      '',
      body,
    ].join('\r\n'),
  );
}
