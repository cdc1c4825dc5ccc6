import type {Kind, Stored} from '../api/v1alpha1/kinds.ts';

export type DashboardKind = 'Workspace' | 'Node' | 'Event';

/** What the server pushes about one kind. `synced` replaces all that was known of it. */
export type ResourceChangeOf<K extends Kind> =
  | {readonly type: 'synced'; readonly kind: K; readonly items: readonly Stored<K>[]}
  | {readonly type: 'put'; readonly kind: K; readonly object: Stored<K>}
  | {readonly type: 'gone'; readonly kind: K; readonly name: string};

export type ConnectionChange =
  | {readonly type: 'connected'}
  /** What is shown ages from here on; the source goes on trying. */
  | {readonly type: 'disconnected'; readonly message: string};

export type Change = {[K in DashboardKind]: ResourceChangeOf<K>}[DashboardKind] | ConnectionChange;

export type LogSource = {readonly type: 'service'; readonly name: string} | {readonly type: 'setup'};

/** The server, as the dashboard needs it. */
export type DashboardSource = {
  /** Shown in the header. */
  readonly server: string;
  /** Runs until the signal; lists and watches all kinds, resuming by itself. */
  watch(onChange: (change: Change) => void, signal: AbortSignal): Promise<void>;
  /** Text as it comes, followed until the signal. */
  logs(workspace: string, source: LogSource, signal: AbortSignal): AsyncIterable<string>;
  setRunning(workspace: string, running: boolean): Promise<void>;
  setUnschedulable(node: string, unschedulable: boolean): Promise<void>;
  delete(workspace: string): Promise<void>;
  /** Runs a login shell in the workspace on this terminal until the user leaves it. */
  shell(workspace: string): Promise<void>;
};
