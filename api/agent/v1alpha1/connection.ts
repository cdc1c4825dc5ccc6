import type {Method, Notification, NotificationMethod, Params, Result} from './messages.ts';

/** What both ends of a connection can do: tell the other side, and listen to it. Messages arrive in the order they were sent. */
export type AgentPeer = AsyncDisposable & {
  /** Does nothing once the connection is closed. */
  notify<N extends NotificationMethod>(method: N, params: Notification<N>): void;
  /** Dispose of the result to stop listening. */
  on<N extends NotificationMethod>(method: N, listener: (params: Notification<N>) => void): Disposable;
  /** Aborted, with the reason, once the connection is lost or disposed of. Pending requests have then failed with `Disconnected`. */
  readonly closed: AbortSignal;
};

/** One live connection to an agent, whatever carries it: a child process, ssh, or a simulation. Faults are {@link AgentError}s. */
export type AgentConnection = AgentPeer & {
  /** Rejects with the signal's reason as soon as it is aborted; the agent is told, and may have carried it out or not. */
  request<M extends Method>(method: M, params: Params<M>, signal?: AbortSignal): Promise<Result<M>>;
};

/** What an agent does for each request; `signal` is aborted when the caller gives up or the connection is lost. */
export type RequestHandlers = {
  readonly [M in Method]: (params: Params<M>, signal: AbortSignal) => Promise<Result<M>>;
};
