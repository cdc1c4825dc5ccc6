import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {RequestHandlers} from '../../api/agent/v1alpha1/connection.ts';

/** Handlers that refuse everything but what `given` answers. */
export function requestHandlers(given: Partial<RequestHandlers> = {}): RequestHandlers {
  const refuse = async (): Promise<never> => {
    throw new AgentError('Unsupported', 'not part of this test');
  };
  return {
    'features/negotiate': refuse,
    initialize: refuse,
    'instance/list': refuse,
    'instance/create': refuse,
    'instance/start': refuse,
    'instance/stop': refuse,
    'instance/unfreeze': refuse,
    'instance/rename': refuse,
    'instance/delete': refuse,
    'instance/restore': refuse,
    'instance/limits': refuse,
    'instance/authorizedKeys': refuse,
    'instance/forwards': refuse,
    'repository/clone': refuse,
    'repository/fetch': refuse,
    'setup/run': refuse,
    'services/apply': refuse,
    'service/restart': refuse,
    'bundle/has': refuse,
    'bundle/put': refuse,
    'instance/export': refuse,
    'instance/import': refuse,
    'instance/keep': refuse,
    'instance/accept': refuse,
    'instance/discard': refuse,
    'exec/start': refuse,
    'logs/start': refuse,
    'tunnel/open': refuse,
    ...given,
  };
}
