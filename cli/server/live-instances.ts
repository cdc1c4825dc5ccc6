import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {LiveInstances} from '../../api/server/live-instances.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Agents} from '../../controller/agent-client/agents.ts';

/** What the API server asks of running workspaces, carried by the controller's connections to their nodes. */
export function createLiveInstances(agents: Pick<Agents, 'open' | 'request'>): LiveInstances {
  return {
    exec: (workspace, {command, user, directory = repositoryFolder(workspace), env, tty}, signal) =>
      agents.open(
        nodeOf(workspace),
        'exec/start',
        {
          uid: workspace.metadata.uid,
          command: [...command],
          user,
          env: {...env},
          ...(directory === undefined ? {} : {directory}),
          ...(tty === undefined ? {} : {tty: {...tty}}),
        },
        signal,
      ),
    logs: (workspace, source, {follow, tail, signal}) =>
      agents.open(
        nodeOf(workspace),
        'logs/start',
        {uid: workspace.metadata.uid, source: {...source}, follow, ...(tail === undefined ? {} : {tail})},
        signal,
      ),
    tunnel: (workspace, port, signal) =>
      agents.open(nodeOf(workspace), 'tunnel/open', {uid: workspace.metadata.uid, port}, signal),
    async restartService(workspace, service, signal) {
      await agents.request(
        nodeOf(workspace),
        'service/restart',
        {uid: workspace.metadata.uid, service},
        signal,
      );
    },
  };
}

function nodeOf({metadata, status}: Stored<'Workspace'>): string {
  if (status?.node === undefined) {
    throw new AgentError('NotPermittedNow', `workspace ${metadata.name} is not on a node yet`);
  }

  return status.node;
}

/** Undefined, which is the user's home, until there is a clone. */
function repositoryFolder({spec, status}: Stored<'Workspace'>): string | undefined {
  const isCloned = findCondition(status?.conditions, 'RepositoryCloned')?.reason === 'Cloned';
  return isCloned && spec.repo !== undefined ? `/home/dev/${spec.repo.name}` : undefined;
}
