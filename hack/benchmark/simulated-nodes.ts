import type {AgentConnection} from '../../api/agent/v1alpha1/connection.ts';
import type {Method, Params} from '../../api/agent/v1alpha1/messages.ts';
import {heartbeatInterval} from '../../api/agent/v1alpha1/messages.ts';
import {systemClock, timestampAt} from '../../api/effects/clock.ts';
import type {Connect} from '../../controller/agent-client/connect.ts';
import type {ModelNode} from '../../test/controller/workspace/model-node.ts';
import {createModelNode} from '../../test/controller/workspace/model-node.ts';
import {nodeFactsAt, runningInstance} from '../../test/fakes/instances.ts';
import {createMemoryLink} from '../../test/fakes/memory-link.ts';
import {requestHandlers} from '../../test/fakes/request-handlers.ts';

/** Nodes without machines: their instances are entries in this process's memory. */
export type SimulatedNodes = {
  readonly connect: Connect;
  /** Requests so far that change something. */
  calls(): number;
};

/** Milliseconds that creating, starting and the like take. */
const operationTime = 5;

export function createSimulatedNodes(): SimulatedNodes {
  const models = new Map<string, ModelNode>();
  return {
    async connect({metadata: {name}}) {
      const model = models.get(name) ?? createModelNode(name, systemClock);
      model.operationTime = operationTime;
      models.set(name, model);
      return connectTo(name, model);
    },
    calls: () => [...models.values()].reduce((sum, {calls}) => sum + calls.length, 0),
  };
}

/** The controller's end of a connection, with all that goes over it checked and copied as on a wire. */
function connectTo(name: string, model: ModelNode): AgentConnection {
  const ask =
    <M extends Method>(method: M) =>
    (params: Params<M>) =>
      model.agents.request(name, method, params);
  const facts = () => nodeFactsAt(timestampAt(systemClock.now()));
  const {connection, server} = createMemoryLink(
    requestHandlers({
      initialize: async () => ({protocolVersion: 1, node: facts()}),
      'instance/list': async () => ({instances: [...model.instances.values()]}),
      'instance/create': ask('instance/create'),
      'instance/start': ask('instance/start'),
      'instance/stop': ask('instance/stop'),
      'instance/delete': ask('instance/delete'),
      'instance/forwards': ask('instance/forwards'),
      'instance/limits': ask('instance/limits'),
      'instance/authorizedKeys': ask('instance/authorizedKeys'),
      'setup/run': ask('setup/run'),
      'services/apply': ask('services/apply'),
    }),
  );
  const following = model.agents.onChange(({uid}) => {
    if (uid !== undefined) {
      const gone = runningInstance(uid, {state: 'Missing', observedAt: timestampAt(systemClock.now())});
      server.notify('instance/changed', model.instances.get(uid) ?? gone);
    }
  });
  const beat = () => {
    server.notify('heartbeat', facts());
    beating = systemClock.schedule(heartbeatInterval, beat);
  };
  let beating = systemClock.schedule(heartbeatInterval, beat);
  server.closed.addEventListener('abort', () => {
    following[Symbol.dispose]();
    beating[Symbol.dispose]();
  });
  return connection;
}
