import type {Client} from '../../api/client/client.ts';
import {follow} from '../../api/client/watch.ts';
import type {ConnectionChange, DashboardKind, DashboardSource, ResourceChangeOf} from '../../tui/source.ts';

export type ClientSourceOptions = {
  readonly client: Client;
  /** Runs `nexus ssh` for this workspace on this terminal. */
  readonly shell: (workspace: string) => Promise<void>;
};

/** The dashboard's view of a server, over the client that every command uses. */
export function createClientSource({client, shell}: ClientSourceOptions): DashboardSource {
  return {
    server: client.url,
    async watch(onChange, signal) {
      await Promise.all([
        followKind(client, 'Workspace', {onChange, signal}),
        followKind(client, 'Node', {onChange, signal}),
        followKind(client, 'Event', {onChange, signal}),
      ]);
    },
    async *logs(workspace, source, signal) {
      const options = {follow: true, tail: 500, signal};
      const stream =
        source.type === 'setup'
          ? await client.workspaces.setupLogs(workspace, options)
          : await client.workspaces.logs(workspace, source.name, options);
      stream.setEncoding('utf8');
      yield* stream;
    },
    async setRunning(workspace, running) {
      await (running ? client.workspaces.start(workspace) : client.workspaces.stop(workspace));
    },
    async setUnschedulable(node, unschedulable) {
      await client.patch('Node', node, {patch: {spec: {unschedulable}}});
    },
    async delete(workspace) {
      await client.workspaces.delete(workspace);
    },
    shell,
  };
}

type Listener<K extends DashboardKind> = {
  readonly onChange: (change: ResourceChangeOf<K> | ConnectionChange) => void;
  readonly signal: AbortSignal;
};

async function followKind<K extends DashboardKind>(
  client: Client,
  kind: K,
  {onChange, signal}: Listener<K>,
): Promise<void> {
  for await (const change of follow(client, kind, {signal})) {
    switch (change.type) {
      case 'Listed':
        onChange({type: 'connected'});
        onChange({type: 'synced', kind, items: change.items});
        break;
      case 'Added':
      case 'Modified':
        onChange({type: 'put', kind, object: change.object});
        break;
      case 'Deleted':
        onChange({type: 'gone', kind, name: change.object.metadata.name});
        break;
      case 'Connected':
        onChange({type: 'connected'});
        break;
      case 'Disconnected':
        onChange({type: 'disconnected', message: change.error.message});
        break;
    }
  }
}
