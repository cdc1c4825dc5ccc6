import type {AgentStream} from '../../api/agent/v1alpha1/agent-stream.ts';
import type {Features} from '../../api/agent/v1alpha1/features.ts';
import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {Method, NodeFacts, Params, Result} from '../../api/agent/v1alpha1/messages.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Provider} from '../../api/v1alpha1/workspace.ts';

/** How far what a node tells of instances of one provider can be gone by. */
export type ProviderEvidence = {
  /** Milliseconds since 1970; when it was last heard that the backend is ready. */
  readonly readyAt: number;
  /** Whether that was on the present connection, so that all that the backend holds is among the view's instances. */
  readonly told: boolean;
};

/** What is known of a node, and how old that is. */
export type NodeView = {
  readonly connected: boolean;
  /** Why not, when it is not: for the Node's condition. */
  readonly lastError?: string;
  /** Milliseconds since 1970; when it was last heard with a backend that is ready, so that what it tells of instances is so. */
  readonly heardAt?: number;
  readonly facts?: NodeFacts;
  /** Of each provider that was ever ready: one backend's silence says nothing about the others. */
  readonly providers: ReadonlyMap<Provider, ProviderEvidence>;
  /** What its agent knows of what was added to the protocol; missing while it is not connected. */
  readonly features?: Features;
  /** Whether `instances` is everything there is: a full list has arrived on the present connection. */
  readonly synced: boolean;
  /**
   * By uid, as last reported; kept, and ageing, while the connection is down. State Missing only of one that could not be made, or whose ports
   * are forwarded already.
   */
  readonly instances: ReadonlyMap<string, Instance>;
};

/** Where one may ask for what is known of a node; undefined of one that is not known. */
export type NodeViews = {view(node: string): NodeView | undefined | Promise<NodeView | undefined>};

export type StreamMethod =
  | 'exec/start'
  | 'logs/start'
  | 'tunnel/open'
  | 'bundle/put'
  | 'instance/export'
  | 'instance/import';

/** The controller's connections to all nodes, and its cache of what they report. */
export type Agents = AsyncDisposable & {
  /** Keeps a connection to this node, reconnecting with back-off; again with a changed spec, reconnects. */
  ensure(node: Stored<'Node'>): void;
  forget(node: string): Promise<void>;
  view(node: string): NodeView | undefined;
  /**
   * Instances that an answer carries are in {@link view} before this resolves, so that the next plan sees what this one did.
   * Throws AgentError; `Disconnected` at once when the node is not connected, `Unsupported` when its agent is too old for what is asked.
   */
  request<M extends Method>(
    node: string,
    method: M,
    params: Params<M>,
    signal?: AbortSignal,
  ): Promise<Result<M>>;
  open<M extends StreamMethod>(
    node: string,
    method: M,
    params: Omit<Params<M>, 'stream'>,
    signal?: AbortSignal,
  ): Promise<AgentStream>;
  /** Called after a change of a node's view; `uid` is missing when more than one instance, or the node itself, may have changed. */
  onChange(listener: (change: {readonly node: string; readonly uid?: string}) => void): Disposable;
};
