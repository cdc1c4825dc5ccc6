import type {Registry} from 'prom-client';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import type {GatewayOptions} from '../../api/gateway/gateway.ts';
import {createGateway} from '../../api/gateway/gateway.ts';
import type {GatewayHostKey} from '../../api/gateway/gateway-host-key.ts';
import type {GatewayListening} from '../../api/gateway/listen-gateway.ts';
import {createEventRecorder} from '../../api/storage/event-recorder.ts';
import type {Storage} from '../../api/storage/storage.ts';
import type {NodeView} from '../../controller/agent-client/agents.ts';
import type {Readers} from '../../controller/agent-client/readers.ts';
import type {Caches} from '../../controller/caches.ts';
import {createGatewayDirectory} from './gateway-directory.ts';
import {named} from './live-instances.ts';

export type RunGatewayOptions = {
  readonly listening: GatewayListening;
  readonly hostKey: GatewayHostKey;
  readonly caches: Caches;
  /** What the controller knows of nodes, where it runs. */
  readonly controller: {view(node: string): NodeView | undefined};
  readonly readers: Readers;
  readonly storage: Storage;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
};

/** Joins the gateway with the caches it decides by and the connections it goes over. Whoever comes early waits until the caches are filled. */
export function runGateway(options: RunGatewayOptions): AsyncDisposable {
  const {listening, hostKey, caches, storage, clock} = options;
  const log = options.log.child({component: 'gateway'});
  const recorder = createEventRecorder({storage, clock, component: 'gateway', log});
  const gateway = createGateway({
    ...options,
    log,
    hostKey: hostKey.privateKey,
    directory: createGatewayDirectory(caches),
    open: openThrough(options),
    async audit({workspace: {metadata}, user, from, requestId}) {
      await recorder.record({
        regarding: {kind: 'Workspace', name: metadata.name, uid: metadata.uid},
        type: 'Normal',
        reason: 'GatewaySession',
        message: `${user} connected through the ssh gateway from ${from}.`,
        actor: user,
        requestId,
      });
    },
  });
  const stopping = new AbortController();
  const serving = caches.synced(stopping.signal).then(
    () => listening.serve(gateway.serve),
    () => undefined,
  );

  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await serving;
      gateway[Symbol.dispose]();
      await listening[Symbol.asyncDispose]();
    },
  };
}

function openThrough({
  caches,
  controller,
  readers,
}: Pick<RunGatewayOptions, 'caches' | 'controller' | 'readers'>): GatewayOptions['open'] {
  return async (workspace, signal) => {
    const name = workspace.status?.node ?? '';
    const node = caches.nodes.get(name);
    if (node === undefined) {
      throw new AgentError('NotFound', `its node ${name} has been removed`);
    }

    // Where the controller runs it is known already that a node can't be reached, and why.
    const view = controller.view(name);
    if (view?.connected === false && view.lastError !== undefined) {
      throw new AgentError('Disconnected', `node ${name} is not connected: ${view.lastError}`);
    }

    const {uid} = workspace.metadata;
    const request = {method: 'tunnel/open', params: {uid, port: 22}} as const;
    return await named(workspace, readers.open(node, request, signal));
  };
}
