import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {AgentPeer, RequestHandlers} from '../../api/agent/v1alpha1/connection.ts';
import {parseNotification, parseParams, parseResult} from '../../api/agent/v1alpha1/message-schema.ts';
import type {Method, NotificationMethod, Params, Result} from '../../api/agent/v1alpha1/messages.ts';
import type {SimulatedProcess} from './simulated-process.ts';

/** What goes over a simulated wire. */
export type Message =
  | {readonly type: 'request'; readonly id: number; readonly method: Method; readonly params: unknown}
  | {readonly type: 'cancel'; readonly id: number}
  | {readonly type: 'answer'; readonly id: number; readonly result?: unknown; readonly error?: AgentError}
  | {readonly type: 'notification'; readonly method: NotificationMethod; readonly params: unknown};

/** One end of a connection, inside `process`: once that is dead, it hears and says nothing. */
export function createEnd(process: SimulatedProcess, send: (message: Message) => void) {
  type Subscription = {readonly method: NotificationMethod; readonly hear: (params: unknown) => void};
  type Pending = {resolve(result: unknown): void; reject(error: unknown): void};
  const closing = new AbortController();
  const subscriptions = new Set<Subscription>();
  const pending = new Map<number, Pending>();
  const running = new Map<number, AbortController>();
  let handlers: RequestHandlers | undefined;
  let lastId = 0;

  const close = (reason: string) => {
    if (!process.alive || closing.signal.aborted) {
      return;
    }

    const error = new AgentError('Disconnected', reason);
    for (const {reject} of pending.values()) {
      reject(error);
    }

    pending.clear();
    for (const abort of running.values()) {
      abort.abort(error);
    }

    closing.abort(error);
  };

  const answer = async (id: number, method: Method, params: unknown) => {
    const abort = new AbortController();
    running.set(id, abort);
    try {
      const result = await callHandler(handlers, {method, params, signal: abort.signal});
      send({type: 'answer', id, result});
    } catch (error) {
      send({type: 'answer', id, error: toAgentError(error)});
    } finally {
      running.delete(id);
    }
  };

  const peer: AgentPeer = {
    closed: closing.signal,
    notify(method, params) {
      if (process.alive && !closing.signal.aborted) {
        send({type: 'notification', method, params: parseNotification(method, params)});
      }
    },
    on(method, listener) {
      const subscription = {method, hear: (params: unknown) => listener(parseNotification(method, params))};
      subscriptions.add(subscription);
      return {[Symbol.dispose]: () => void subscriptions.delete(subscription)};
    },
    async [Symbol.asyncDispose]() {
      close('the connection was closed');
    },
  };

  return {
    peer,
    close,
    serve(given: RequestHandlers) {
      handlers = given;
    },
    receive(message: Message) {
      if (!process.alive || closing.signal.aborted) {
        return;
      }

      switch (message.type) {
        case 'request':
          void answer(message.id, message.method, message.params);
          break;
        case 'cancel':
          running.get(message.id)?.abort(new AgentError('Disconnected', 'the caller gave up'));
          break;
        case 'answer': {
          const waiting = pending.get(message.id);
          pending.delete(message.id);
          if (message.error === undefined) {
            waiting?.resolve(message.result);
          } else {
            waiting?.reject(message.error);
          }

          break;
        }
        case 'notification':
          for (const {method, hear} of [...subscriptions]) {
            if (method === message.method) {
              hear(message.params);
            }
          }

          break;
      }
    },
    async request<M extends Method>(method: M, params: Params<M>, signal?: AbortSignal): Promise<Result<M>> {
      closing.signal.throwIfAborted();
      signal?.throwIfAborted();
      lastId += 1;
      const id = lastId;
      const {promise, resolve, reject} = Promise.withResolvers<unknown>();
      const onAbort = () => {
        pending.delete(id);
        send({type: 'cancel', id});
        reject(signal?.reason);
      };
      pending.set(id, {resolve, reject});
      signal?.addEventListener('abort', onAbort, {once: true});
      try {
        send({type: 'request', id, method, params: parseParams(method, params)});
        return parseResult(method, await promise);
      } finally {
        signal?.removeEventListener('abort', onAbort);
      }
    },
  };
}

async function callHandler<M extends Method>(
  handlers: RequestHandlers | undefined,
  {method, params, signal}: {method: M; params: unknown; signal: AbortSignal},
): Promise<Result<M>> {
  if (handlers === undefined) {
    throw new AgentError('Unsupported', 'this end serves nothing');
  }

  return parseResult(method, await handlers[method](parseParams(method, params), signal));
}

function toAgentError(error: unknown): AgentError {
  return error instanceof AgentError
    ? new AgentError(error.code, error.message)
    : new AgentError('Internal', error instanceof Error ? error.message : String(error));
}
