import type {Method, Notification, NotificationMethod, Params, Result} from './messages.ts';

/** One live connection to an agent, whatever carries it: a child process, ssh, or a simulation. Faults are {@link AgentError}s. */
export type AgentConnection = AsyncDisposable & {
  request<M extends Method>(method: M, params: Params<M>, signal?: AbortSignal): Promise<Result<M>>;
  notify<N extends NotificationMethod>(method: N, params: Notification<N>): void;
  /** Dispose of the result to stop listening. */
  on<N extends NotificationMethod>(method: N, listener: (params: Notification<N>) => void): Disposable;
  /** Aborted, with the reason, once the connection is lost or disposed of. Pending requests have then failed with `Disconnected`. */
  readonly closed: AbortSignal;
};
