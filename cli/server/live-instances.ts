import {AgentError, isAgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {AgentStream} from '../../api/agent/v1alpha1/agent-stream.ts';
import type {LiveInstances} from '../../api/server/live-instances.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Caches} from '../../controller/caches.ts';
import {usurpation} from '../../controller/workspace/usurper.ts';
import type {InstanceAccess} from './instance-access.ts';

/**
 * What the API server asks of running workspaces. What agents refuse is told in the names
 * that users know. Nothing is asked for a workspace that claims the uid of another, since that names the instance.
 */
export function createLiveInstances(
  agents: InstanceAccess,
  {synced, workspaces}: Pick<Caches, 'synced'> & {readonly workspaces: Pick<Caches['workspaces'], 'byIndex'>},
): LiveInstances {
  /** The node of `workspace`, when its instance is its own. */
  const nodeOf = async (workspace: Stored<'Workspace'>, signal: AbortSignal): Promise<string> => {
    const node = placeOf(workspace);
    await synced(signal);
    const usurped = usurpation(workspace, workspaces.byIndex('uid', workspace.metadata.uid));
    if (usurped !== undefined) {
      throw new AgentError(
        'NotPermittedNow',
        `workspace ${workspace.metadata.name} is not let in: ${usurped}`,
      );
    }

    return node;
  };
  const openNamed = async (
    workspace: Stored<'Workspace'>,
    signal: AbortSignal,
    open: (node: string) => Promise<AgentStream>,
  ): Promise<AgentStream> => {
    const node = await nodeOf(workspace, signal);
    const stream = await named(workspace, open(node));
    const finished = named(workspace, stream.finished);
    // It may fail before the one who asked has come to wait for it.
    finished.catch(() => undefined);
    return {...stream, finished};
  };

  return {
    exec: (workspace, {command, user, directory = repositoryFolder(workspace), env, tty}, signal) =>
      openNamed(workspace, signal, node =>
        agents.open(
          node,
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
      ),
    logs: (workspace, source, {follow, tail, signal}) =>
      openNamed(workspace, signal, node =>
        agents.open(
          node,
          'logs/start',
          {uid: workspace.metadata.uid, source: {...source}, follow, ...(tail === undefined ? {} : {tail})},
          signal,
        ),
      ),
    tunnel: (workspace, port, signal) =>
      openNamed(workspace, signal, node =>
        agents.open(node, 'tunnel/open', {uid: workspace.metadata.uid, port}, signal),
      ),
    async restartService(workspace, service, signal) {
      const node = await nodeOf(workspace, signal);
      await named(workspace, agents.restartService(node, {uid: workspace.metadata.uid, service}, signal));
    },
  };
}

/** Awaits what an agent does, and tells what it refuses in the names that users know. */
export async function named<T>(workspace: Stored<'Workspace'>, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw isAgentError(error) ? inNamesOf(workspace, error) : error;
  }
}

function inNamesOf({metadata, status}: Stored<'Workspace'>, error: AgentError): AgentError {
  const said = error.message.replaceAll(`nexus-${metadata.uid}`, `workspace ${metadata.name}`);
  const isUnnamed = error.code === 'Disconnected' && !said.startsWith('node ');
  const message = isUnnamed ? `the connection to node ${status?.node} was lost: ${said}` : said;
  return message === error.message ? error : new AgentError(error.code, message, {cause: error});
}

function placeOf({metadata, status}: Stored<'Workspace'>): string {
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
