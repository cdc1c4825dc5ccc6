import type {GitCredential, RepositorySpec} from '../../api/agent/v1alpha1/instance.ts';
import type {Method, Params} from '../../api/agent/v1alpha1/messages.ts';
import type {Agents} from '../agent-client/agents.ts';
import type {Action} from './action.ts';
import type {BundleUploads} from './bundle-uploads.ts';
import type {Copies} from './copies.ts';

/** Secrets for git, by owner of the workspace and address of the repository; undefined when none is known. */
export type Credentials = {
  forRepository(owner: string, url: string): Promise<GitCredential | undefined>;
};

export type Target = {readonly node: string; readonly uid: string; readonly owner: string};

export type Actuator = {
  /** Asks the node for it. Resolves once it is done, or begun if it is long. Throws AgentError. */
  perform(target: Target, action: Action, signal: AbortSignal): Promise<void>;
};

export type ActuatorOptions = {
  readonly agents: Pick<Agents, 'request'>;
  readonly uploads: BundleUploads;
  readonly copies: Pick<Copies, 'begin'>;
  readonly credentials: Credentials;
};

/** Turns actions into requests to agents: nothing is decided here. */
export function createActuator({agents, uploads, copies, credentials}: ActuatorOptions): Actuator {
  const takeIn = async (
    method: 'repository/clone' | 'repository/fetch',
    repository: RepositorySpec,
    {node, uid, owner}: Target,
    signal: AbortSignal,
  ) => {
    if (repository.bundle !== undefined) {
      await uploads.ensure(node, repository.bundle.digest, signal);
    }

    const credential =
      repository.url === undefined ? undefined : await credentials.forRepository(owner, repository.url);
    const params = {uid, repository, ...(credential !== undefined && {credential})};
    await agents.request(node, method, params, signal);
  };

  return {
    async perform(target, action, signal) {
      const {node, uid} = target;
      const ask = async <M extends Method>(method: M, params: Params<M>): Promise<void> => {
        await agents.request(node, method, params, signal);
      };

      switch (action.type) {
        case 'Create':
          return ask('instance/create', action.spec);
        case 'Start':
          return ask('instance/start', {uid});
        case 'Stop':
          return ask('instance/stop', {uid, force: action.force, timeout: action.timeout});
        case 'Unfreeze':
          return ask('instance/unfreeze', {uid});
        case 'Rename':
          return ask('instance/rename', {uid});
        case 'Restore':
          return ask('instance/restore', {uid});
        case 'Delete':
          return ask('instance/delete', {uid, mode: action.mode, retention: action.retention});
        case 'Copy': {
          const {type: _, ...copy} = action;
          return copies.begin({uid, source: node, ...copy});
        }
        case 'Keep':
          return ask('instance/keep', {uid, transfer: action.transfer});
        case 'Accept':
          return ask('instance/accept', {uid, transfer: action.transfer});
        case 'Leave': {
          const {mode, retention} = action;
          await agents.request(action.node, 'instance/delete', {uid, mode, retention}, signal);
          return;
        }
        case 'SetLimits':
          return ask('instance/limits', {uid, limits: action.limits});
        case 'SetAuthorizedKeys':
          return ask('instance/authorizedKeys', {uid, keys: [...action.keys]});
        case 'SetForwards':
          return ask('instance/forwards', {uid, forwards: [...action.forwards]});
        case 'Clone':
          return takeIn('repository/clone', action.repository, target, signal);
        case 'Fetch':
          return takeIn('repository/fetch', action.repository, target, signal);
        case 'Setup': {
          const {hash, commands, directory, env, timeout} = action;
          return ask('setup/run', {uid, hash, commands: [...commands], directory, env: {...env}, timeout});
        }
        case 'ApplyServices': {
          const {hash, directory, env, services} = action;
          return ask('services/apply', {uid, hash, directory, env: {...env}, services: [...services]});
        }
      }
    },
  };
}
