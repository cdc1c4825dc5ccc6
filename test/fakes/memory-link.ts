import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {AgentConnection, AgentPeer, RequestHandlers} from '../../api/agent/v1alpha1/connection.ts';
import {parseNotification, parseParams, parseResult} from '../../api/agent/v1alpha1/message-schema.ts';
import type {
  Method,
  Notification,
  NotificationMethod,
  Params,
  Result,
} from '../../api/agent/v1alpha1/messages.ts';

export type MemoryLink = {
  /** The controller's end. */
  readonly connection: AgentConnection;
  /** The agent's end. */
  readonly server: AgentPeer;
  /** As if the wire were cut: both ends are closed. */
  cut(reason?: string): void;
  /** Requests that were made, in order. */
  readonly requests: readonly {readonly method: Method; readonly params: unknown}[];
};

/** An agent's connection in this process: validated as on the wire, delivered in order, one microtask later. */
export function createMemoryLink(handlers: RequestHandlers): MemoryLink {
  const closing = new AbortController();
  const requests: {method: Method; params: unknown}[] = [];
  const cut = (reason = 'the connection was cut') => closing.abort(new AgentError('Disconnected', reason));
  const [one, other] = createPeers(closing.signal, cut);

  const call = async <M extends Method>(
    method: M,
    params: Params<M>,
    signal: AbortSignal,
  ): Promise<Result<M>> => {
    requests.push({method, params});
    await undefined;
    return parseResult(method, await handlers[method](parseParams(method, params), signal));
  };

  return {
    requests,
    server: other,
    cut,
    connection: {
      ...one,
      async request(method, params, signal) {
        closing.signal.throwIfAborted();
        const either = AbortSignal.any(signal === undefined ? [closing.signal] : [closing.signal, signal]);
        either.throwIfAborted();
        const aborted = Promise.withResolvers<never>();
        either.addEventListener('abort', () => aborted.reject(either.reason), {once: true});
        const answered = call(method, params, either);
        answered.catch(() => {});
        return await Promise.race([answered, aborted.promise]);
      },
    },
  };
}

function createPeers(closed: AbortSignal, cut: () => void): [AgentPeer, AgentPeer] {
  type Listener = {readonly method: NotificationMethod; readonly hear: (params: unknown) => void};
  const heard: [Set<Listener>, Set<Listener>] = [new Set(), new Set()];

  const peer = (mine: Set<Listener>, theirs: Set<Listener>): AgentPeer => ({
    closed,
    notify<N extends NotificationMethod>(method: N, params: Notification<N>) {
      const message = structuredClone(parseNotification(method, params));
      queueMicrotask(() => {
        for (const listener of closed.aborted ? [] : [...theirs]) {
          if (listener.method === method) {
            listener.hear(message);
          }
        }
      });
    },
    on(method, listener) {
      const entry: Listener = {method, hear: params => listener(parseNotification(method, params))};
      mine.add(entry);
      return {[Symbol.dispose]: () => void mine.delete(entry)};
    },
    async [Symbol.asyncDispose]() {
      cut();
    },
  });
  return [peer(heard[0], heard[1]), peer(heard[1], heard[0])];
}
