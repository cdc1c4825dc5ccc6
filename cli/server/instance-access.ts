import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {AgentStream} from '../../api/agent/v1alpha1/agent-stream.ts';
import type {Params} from '../../api/agent/v1alpha1/messages.ts';
import type {Agents} from '../../controller/agent-client/agents.ts';
import type {Readers} from '../../controller/agent-client/readers.ts';
import type {Caches} from '../../controller/caches.ts';

type UserStream = 'exec/start' | 'logs/start' | 'tunnel/open';

/** How what users do inside their workspaces gets to the agents, by name of the node. Throws AgentError. */
export type InstanceAccess = {
  open<M extends UserStream>(
    node: string,
    method: M,
    params: Omit<Params<M>, 'stream'>,
    signal: AbortSignal,
  ): Promise<AgentStream>;
  restartService(node: string, params: Params<'service/restart'>, signal: AbortSignal): Promise<void>;
};

/** Over the connections of the controller, which runs here for as long as the server does. */
export function accessByController(
  agents: () => Pick<Agents, 'open' | 'request'> | undefined,
): InstanceAccess {
  const present = () => {
    const found = agents();
    if (found === undefined) {
      throw new AgentError('Disconnected', 'the server is about to start or to end');
    }
    return found;
  };
  return {
    open: async (node, method, params, signal) => await present().open(node, method, params, signal),
    async restartService(node, params, signal) {
      await present().request(node, 'service/restart', params, signal);
    },
  };
}

/** Over connections that claim nothing: they go on whoever leads, and whatever becomes of it. */
export function accessByReaders(
  readers: Pick<Readers, 'open' | 'restartService'>,
  {nodes}: Pick<Caches, 'nodes'>,
): InstanceAccess {
  const declared = (name: string) => {
    const node = nodes.get(name);
    if (node === undefined) {
      throw new AgentError('Disconnected', `node ${name} is not known here`);
    }
    return node;
  };
  return {
    open: async (node, method, params, signal) =>
      await readers.open(declared(node), {method, params}, signal),
    restartService: async (node, params, signal) =>
      await readers.restartService(declared(node), params, signal),
  };
}
