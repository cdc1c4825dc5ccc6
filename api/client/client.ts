import type {GatewayView} from '../server/gateway-routes.ts';
import type {Health} from '../server/health-messages.ts';
import type {KubernetesAccessView} from '../server/kubernetes-access-routes.ts';
import type {BundleClient} from './bundle-client.ts';
import {createBundleClient} from './bundle-client.ts';
import type {NodeClient} from './node-client.ts';
import {createNodeClient} from './node-client.ts';
import type {ResourceClient} from './resource-client.ts';
import {createResourceClient} from './resource-client.ts';
import type {TransportOptions} from './transport.ts';
import {createTransport} from './transport.ts';
import type {UserClient} from './user-client.ts';
import {createUserClient} from './user-client.ts';
import type {WorkspaceClient} from './workspace-client.ts';
import {createWorkspaceClient} from './workspace-client.ts';

/**
 * A Nexus server, as programs see it. Everything throws ApiError, or the reason of the signal that was given. Dispose of it to close its
 * connections.
 */
export type Client = ResourceClient &
  AsyncDisposable & {
    readonly url: string;
    readonly workspaces: WorkspaceClient;
    readonly users: UserClient;
    readonly nodes: NodeClient;
    readonly bundles: BundleClient;
    /** Where the ssh gateway is. */
    gateway(options?: {signal?: AbortSignal}): Promise<GatewayView>;
    /** What a kubeconfig needs to know. */
    kubernetesAccess(options?: {signal?: AbortSignal}): Promise<KubernetesAccessView>;
    /** How the server is; also when it is not well. */
    health(options?: {signal?: AbortSignal}): Promise<Health>;
  };

export function createClient(options: TransportOptions): Client {
  const transport = createTransport(options);
  return {
    ...createResourceClient(transport),
    url: options.url,
    workspaces: createWorkspaceClient(transport),
    users: createUserClient(transport),
    nodes: createNodeClient(transport),
    bundles: createBundleClient(transport),
    gateway: ({signal} = {}) => transport.json({method: 'GET', path: '/api/v1/gateway', signal}),
    kubernetesAccess: ({signal} = {}) =>
      transport.json({method: 'GET', path: '/api/v1/kubernetes-access', signal}),
    health: ({signal} = {}) => transport.json({method: 'GET', path: '/health', signal, acceptStatus: [503]}),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}
