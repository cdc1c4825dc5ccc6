import type {Readable, Writable} from 'node:stream';
import type {CancellationToken, MessageConnection} from 'vscode-jsonrpc/node';
import {CancellationTokenSource, createMessageConnection, StreamMessageReader} from 'vscode-jsonrpc/node';
import type {Logger} from '../../effects/logger.ts';
import {AgentError} from './agent-error.ts';
import type {AgentConnection, AgentPeer, RequestHandlers} from './connection.ts';
import {knownFeatures} from './features.ts';
import {createFrameLimit} from './frame-limit.ts';
import {fromResponseError, toResponseError} from './json-rpc-error.ts';
import {createMessageWriter, messageDecoder} from './message-codec.ts';
import {
  isMethod,
  isNotificationMethod,
  parseNotification,
  parseParams,
  parseResult,
} from './message-schema.ts';
import type {Method, Notification, NotificationMethod} from './messages.ts';

export type JsonRpcOptions = {
  readonly input: Readable;
  readonly output: Writable;
  readonly log: Logger;
  /** What more is known about why the other side went away, such as what it printed last. */
  readonly explain?: () => string | undefined;
};

/**
 * The controller's end: JSON-RPC 2.0 over a pair of byte streams, framed by `Content-Length`. Owns both streams and ends them.
 * Every message is validated both ways; a notification that is not valid is logged and dropped.
 */
export function createJsonRpcConnection(options: JsonRpcOptions): AgentConnection {
  const {peer, rpc, learn} = createPeer(options);
  rpc.listen();

  return {
    ...peer,

    async request(method, params, signal) {
      signal?.throwIfAborted();
      peer.closed.throwIfAborted();
      const valid = parseParams(method, params);
      const cancellation = new CancellationTokenSource();
      const aborted = Promise.withResolvers<never>();
      const onAbort = () => {
        cancellation.cancel();
        aborted.reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, {once: true});
      try {
        const answer: unknown = await Promise.race([
          rpc.sendRequest<unknown>(method, valid, cancellation.token),
          aborted.promise,
        ]);
        if (method === 'features/negotiate') {
          learn(parseResult('features/negotiate', answer).features);
        }
        return parseResult(method, answer);
      } catch (error) {
        signal?.throwIfAborted();
        throw fromResponseError(method, error, peer.closed);
      } finally {
        signal?.removeEventListener('abort', onAbort);
        cancellation.dispose();
      }
    },
  };
}

/** The agent's end: answers requests by `handlers`, whose AgentErrors reach the caller with their code. */
export function serveJsonRpc(options: JsonRpcOptions & {readonly handlers: RequestHandlers}): AgentPeer {
  const {handlers, log} = options;
  const {peer, rpc, learn} = createPeer(options);

  rpc.onRequest(async (method: string, params: unknown, token: CancellationToken) => {
    try {
      if (!isMethod(method)) {
        throw new AgentError('Unsupported', `this agent does not know the method ${method}`);
      }
      if (method === 'features/negotiate') {
        learn(parseParams('features/negotiate', params).features);
      }
      return await answer(handlers, {method, params, token, closed: peer.closed});
    } catch (error) {
      return toResponseError(method, error, log);
    }
  });
  rpc.listen();
  return peer;
}

type Call<M extends Method> = {
  readonly method: M;
  readonly params: unknown;
  readonly token: CancellationToken;
  readonly closed: AbortSignal;
};

async function answer<M extends Method>(handlers: RequestHandlers, call: Call<M>): Promise<unknown> {
  const {method, token, closed} = call;
  const cancelled = new AbortController();
  const giveUp = () =>
    cancelled.abort(new AgentError('Disconnected', `${method} was given up by its caller`));
  const onClosed = () => cancelled.abort(closed.reason);
  const listening = token.onCancellationRequested(giveUp);
  closed.addEventListener('abort', onClosed, {once: true});
  try {
    if (token.isCancellationRequested) {
      giveUp();
    }
    return parseResult(method, await handlers[method](parseParams(method, call.params), cancelled.signal));
  } finally {
    listening.dispose();
    closed.removeEventListener('abort', onClosed);
  }
}

/**
 * Messages that wait because the other side does not take them in. Requests and streams are limited each by themselves; this is for what is only
 * told, such as changes of instances, to a peer that has stopped reading. It is given up, and told everything anew when it comes again.
 */
const unsentLimit = 10_000;

type Listeners = {readonly [N in NotificationMethod]: Set<(params: Notification<N>) => void>};

function createListeners(): Listeners {
  return {
    'instance/changed': new Set(),
    heartbeat: new Set(),
    'stream/data': new Set(),
    'stream/credit': new Set(),
    'stream/end': new Set(),
    'stream/closed': new Set(),
    'stream/resize': new Set(),
    'stream/abort': new Set(),
    'relay/arrived': new Set(),
  };
}

function createPeer({input, output, log, explain}: JsonRpcOptions): {
  peer: AgentPeer;
  rpc: MessageConnection;
  /** Takes note of what the other side has said that it knows: how bytes are written is a matter of the connection alone. */
  learn: (features: readonly string[]) => void;
} {
  const closing = new AbortController();
  const listeners = createListeners();
  const reader = new StreamMessageReader(input, {contentTypeDecoder: messageDecoder});
  // Its timer would outlive the connection.
  reader.partialMessageTimeout = 0;
  let takesBinary = false;
  const rpc = createMessageConnection(
    reader,
    createMessageWriter(output, () => takesBinary),
    {
      error: message => log.debug({}, message),
      warn: message => log.debug({}, message),
      info: message => log.debug({}, message),
      log: message => log.debug({}, message),
    },
  );

  const close = (reason: string, cause?: unknown) => {
    if (closing.signal.aborted) {
      return;
    }
    const explanation = explain?.();
    const message = explanation === undefined ? reason : `${reason}: ${explanation}`;
    closing.abort(new AgentError('Disconnected', message, {cause}));
    // Without this, calls that wait for an answer would wait for ever.
    rpc.dispose();
    input.destroy();
    output.end();
  };

  let unsent = 0;
  const deliver = <N extends NotificationMethod>(method: N, params: unknown) => {
    const valid = parseNotification(method, params);
    for (const listener of [...listeners[method]]) {
      listener(valid);
    }
  };

  // Kept for good: a pipe that breaks after we closed it must not end the process.
  input.on('error', error => close(`reading from the peer failed: ${error.message}`, error));
  output.on('error', error => close(`writing to the peer failed: ${error.message}`, error));
  const limit = createFrameLimit();
  // Before the reader listens, so that it never sees what is refused here.
  input.on('data', (chunk: Buffer) => {
    try {
      limit(chunk);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      close(`the peer does not speak the agent protocol: ${reason}`, error);
    }
  });
  input.on('end', () => close('the peer ended the connection'));
  input.on('close', () => close('the connection was closed'));
  output.on('close', () => close('the connection was closed'));
  rpc.onError(([error]) => close(`the peer does not speak the agent protocol: ${error.message}`, error));

  rpc.onNotification((method: string, params: unknown) => {
    try {
      if (isNotificationMethod(method)) {
        deliver(method, params);
      }
    } catch (error) {
      log.warn({error, method}, 'dropped a notification');
    }
  });

  const peer: AgentPeer = {
    closed: closing.signal,
    notify(method, params) {
      if (closing.signal.aborted) {
        return;
      }
      if (unsent >= unsentLimit) {
        close(`the peer does not take in what it is sent: ${unsent} messages wait`);
        return;
      }
      unsent += 1;
      rpc
        .sendNotification(method, parseNotification(method, params))
        .catch((error: unknown) => close('writing to the peer failed', error))
        .finally(() => {
          unsent -= 1;
        });
    },
    on(method, listener) {
      listeners[method].add(listener);
      return {
        [Symbol.dispose]() {
          listeners[method].delete(listener);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      close('the connection was closed by this side');
    },
  };
  const learn = (names: readonly string[]) => {
    takesBinary = knownFeatures(names).has('binaryStreams');
  };
  return {peer, rpc, learn};
}
