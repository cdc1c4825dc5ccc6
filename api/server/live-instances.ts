import type {AgentStream} from '../agent/v1alpha1/agent-stream.ts';
import type {Stored} from '../v1alpha1/kinds.ts';

export type ExecRequest = {
  readonly command: readonly string[];
  readonly user: 'dev' | 'root';
  readonly directory?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly tty?: {readonly columns: number; readonly rows: number; readonly term: string};
};

export type LogSource = {readonly type: 'service'; readonly name: string} | {readonly type: 'setup'};

/** What the API server asks of running workspaces: streams, no changes. Throws AgentError. */
export type LiveInstances = {
  exec(workspace: Stored<'Workspace'>, request: ExecRequest, signal: AbortSignal): Promise<AgentStream>;
  logs(
    workspace: Stored<'Workspace'>,
    source: LogSource,
    options: {follow: boolean; tail?: number; signal: AbortSignal},
  ): Promise<AgentStream>;
  tunnel(workspace: Stored<'Workspace'>, port: number, signal: AbortSignal): Promise<AgentStream>;
  restartService(workspace: Stored<'Workspace'>, service: string, signal: AbortSignal): Promise<void>;
};
