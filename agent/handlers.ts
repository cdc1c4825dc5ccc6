import {AgentError} from '../api/agent/v1alpha1/agent-error.ts';
import type {RequestHandlers} from '../api/agent/v1alpha1/connection.ts';
import type {Features} from '../api/agent/v1alpha1/features.ts';
import {knownFeatures, noFeatures, features as ownFeatures} from '../api/agent/v1alpha1/features.ts';
import {resultFor} from '../api/agent/v1alpha1/message-schema.ts';
import type {Method, Params, Result} from '../api/agent/v1alpha1/messages.ts';
import {mutating, protocolVersion} from '../api/agent/v1alpha1/messages.ts';
import type {Epochs} from './epoch.ts';
import type {Forwards} from './forwards/forwards.ts';
import type {ListenAddress} from './forwards/listen-address.ts';
import type {Deletion} from './instances/deletion.ts';
import {describeInstance} from './instances/instance-view.ts';
import type {Lifecycle} from './instances/lifecycle.ts';
import type {Observer} from './instances/observer.ts';
import type {Fence} from './instances/operations.ts';
import {toAgentError} from './instances/operations.ts';
import type {Registry} from './instances/registry.ts';
import type {Settings} from './instances/settings.ts';
import type {Moves} from './moves/moves.ts';
import type {NodeReader} from './node-facts.ts';
import type {BundleCache} from './repository/bundle-cache.ts';
import type {RepositoryWork} from './repository/repository-work.ts';
import type {Supervisors} from './services/supervisors.ts';
import type {SetupWork} from './setup/setup-work.ts';
import type {Streams} from './streams/streams.ts';

/** All that requests are answered with. */
export type Services = {
  readonly installation: string;
  readonly registry: Registry;
  readonly epochs: Epochs;
  readonly node: NodeReader;
  readonly observer: Observer;
  readonly bundles: BundleCache;
  readonly lifecycle: Lifecycle;
  readonly deletion: Deletion;
  readonly settings: Settings;
  readonly repository: RepositoryWork;
  readonly setup: SetupWork;
  readonly supervisors: Supervisors;
  readonly forwards: Forwards;
  readonly listenAddress: ListenAddress;
  readonly moves: Moves;
};

export type HandlersOptions = Services & {
  /** Of this connection; there once its peer is. */
  readonly streams: () => Streams;
  /** Where the connection reached this machine, as its relay has told; undefined when it did not come from outside. */
  readonly arrivedAt: () => string | undefined;
  /** Called once the peer has introduced itself, with what it knows of the protocol. */
  readonly onInitialized: (features: Features) => void;
};

/** What one connection is answered with. Its role and epoch come with `initialize`, which must be first. */
export function createHandlers(options: HandlersOptions): RequestHandlers {
  const {registry, lifecycle, deletion, settings, repository, setup, supervisors, moves, streams} = options;
  let fence: Fence | undefined;
  let features = noFeatures;

  const introduced = (method: Method): Fence => {
    if (fence === undefined) {
      throw new AgentError('Invalid', `${method} came before initialize`);
    }
    if (mutating.has(method)) {
      fence();
    }
    return fence;
  };

  const handle =
    <M extends Method>(
      method: M,
      work: (params: Params<M>, fence: Fence, signal: AbortSignal) => Promise<Result<M>>,
    ) =>
    async (params: Params<M>, signal: AbortSignal): Promise<Result<M>> => {
      try {
        return resultFor(method, await work(params, introduced(method), signal), features);
      } catch (error) {
        throw toAgentError(error);
      }
    };

  return {
    async 'features/negotiate'(params) {
      features = knownFeatures(params.features);
      return {features: [...ownFeatures]};
    },

    async initialize({protocolVersion: version, role, epoch, installation}) {
      if (version !== protocolVersion) {
        throw new AgentError(
          'Unsupported',
          `this agent speaks version ${protocolVersion} of the protocol, not ${version}; bring both to the same release`,
        );
      }
      if (installation !== options.installation) {
        throw new AgentError(
          'Invalid',
          `this agent belongs to installation ${options.installation}, not ${installation}; to make this machine a node of it: nexus agent setup --installation ${installation}`,
        );
      }
      fence = role === 'controller' ? await options.epochs.enter(epoch) : refuseChanges;
      if (role === 'controller' && (await options.listenAddress.follow(options.arrivedAt()))) {
        void options.forwards
          .reopen(registry.entries())
          .then(() => registry.entries().forEach(registry.changed));
      }
      options.onInitialized(features);
      const hello = {protocolVersion, node: await options.node.facts()};
      return resultFor('initialize', hello, features);
    },

    'instance/list': handle('instance/list', async (_params, _fence, signal) => {
      if (!(await options.observer.synced(signal))) {
        throw new AgentError('BackendUnavailable', 'the backend has not told its instances yet');
      }
      const instances = registry.entries().map(describeInstance);
      return {instances: instances.filter(({state}) => state !== 'Missing')};
    }),

    'instance/create': handle('instance/create', (spec, fence) => lifecycle.create(spec, fence)),
    'instance/start': handle('instance/start', ({uid}, fence) => lifecycle.start(uid, fence)),
    'instance/stop': handle('instance/stop', (params, fence) => lifecycle.stop(params, fence)),
    'instance/unfreeze': handle('instance/unfreeze', ({uid}, fence) => lifecycle.unfreeze(uid, fence)),
    'instance/rename': handle('instance/rename', ({uid}, fence) => lifecycle.rename(uid, fence)),
    'instance/delete': handle('instance/delete', (params, fence) => deletion.delete(params, fence)),
    'instance/restore': handle('instance/restore', ({uid}, fence) => settings.restore(uid, fence)),
    'instance/limits': handle('instance/limits', (params, fence) => settings.limits(params, fence)),
    'instance/authorizedKeys': handle('instance/authorizedKeys', (params, fence) =>
      settings.authorizedKeys(params, fence),
    ),

    'instance/forwards': handle('instance/forwards', async ({uid, forwards}) => {
      const entry = registry.find(uid) ?? registry.ensure(uid, 'lxc');
      registry.record(entry, {...entry.record, forwards});
      await options.forwards.reconcile(entry, forwards);
      registry.changed(entry);
      return describeInstance(entry);
    }),

    'repository/clone': handle('repository/clone', (params, fence) => repository.clone(params, fence)),
    'repository/fetch': handle('repository/fetch', (params, fence) => repository.fetch(params, fence)),
    'setup/run': handle('setup/run', (params, fence) => setup.run(params, fence)),
    'services/apply': handle('services/apply', async params => supervisors.apply(params)),
    'service/restart': handle('service/restart', async ({uid, service}) => supervisors.restart(uid, service)),

    'bundle/has': handle('bundle/has', async ({digest}) => ({present: await options.bundles.has(digest)})),
    'bundle/put': handle('bundle/put', async params => {
      await streams().putBundle(params);
      return {};
    }),
    'instance/export': handle('instance/export', async (params, fence) => {
      await streams().exportInstance(params, fence);
      return {};
    }),
    'instance/import': handle('instance/import', async (params, fence) => {
      await streams().importInstance(params, fence);
      return {};
    }),
    'instance/keep': handle('instance/keep', (params, fence) => moves.keep(params, fence)),
    'instance/accept': handle('instance/accept', (params, fence) => moves.accept(params, fence)),
    'instance/discard': handle('instance/discard', (params, fence) => moves.discard(params, fence)),

    'exec/start': handle('exec/start', async params => {
      await streams().exec(params);
      return {};
    }),
    'logs/start': handle('logs/start', async params => {
      await streams().logs(params);
      return {};
    }),
    'tunnel/open': handle('tunnel/open', async params => {
      await streams().tunnel(params);
      return {};
    }),
  };
}

function refuseChanges(): never {
  throw new AgentError('Invalid', 'a reader may only look');
}
