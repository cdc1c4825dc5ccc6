import type {KubeConfig} from '@kubernetes/client-node';

/** Which API server, as whom, and which namespace is the store. */
export type ClusterOptions = {
  /** A kubeconfig; by default $KUBECONFIG, ~/.kube/config, or what Kubernetes gives to a pod. */
  readonly kubeconfig?: string;
  /** A context of the kubeconfig; its current one by default. */
  readonly context?: string;
  /** By default the context's, else `default`. */
  readonly namespace?: string;
  /** As if in a pod whose root is this folder: what Kubernetes gives to it is all that counts. */
  readonly podRoot?: string;
};

export type ClusterConfig = {
  readonly config: KubeConfig;
  readonly namespace: string;
  /** The API server's address, without a slash at its end. */
  readonly server: string;
};

/** What the client assumes where it finds no configuration at all. */
const nowhere = 'http://localhost:8080';

/** Throws an Error that says what is missing. Imports the Kubernetes client, which costs 0.4 s and 86 MiB, only now. */
export async function loadClusterConfig(options: ClusterOptions): Promise<ClusterConfig> {
  const {KubeConfig} = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    if (options.podRoot !== undefined) {
      config.loadFromCluster(options.podRoot);
    } else if (options.kubeconfig === undefined) {
      config.loadFromDefault();
    } else {
      config.loadFromFile(options.kubeconfig);
    }
  } catch (cause) {
    throw new Error(`The kubeconfig ${options.kubeconfig ?? 'of this user'} can't be read`, {cause});
  }

  if (options.context !== undefined) {
    config.setCurrentContext(options.context);
  }

  const context = config.getContextObject(config.getCurrentContext());
  const server = config.getCurrentCluster()?.server;
  if (context === null || server === undefined) {
    const known = config.getContexts().map(({name}) => name);
    throw new Error(
      `The kubeconfig has no context "${config.getCurrentContext() ?? ''}" with a cluster; there are: ${known.join(', ') || 'none'}`,
    );
  }

  if (options.kubeconfig === undefined && server === nowhere) {
    throw new Error(
      'No kubeconfig was found ($KUBECONFIG, ~/.kube/config), and this is no pod of a cluster: name one with --kubeconfig',
    );
  }

  const namespace = options.namespace ?? context.namespace?.trim() ?? 'default';
  if (!/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) {
    throw new Error(`"${namespace}" is not the name of a namespace`);
  }

  return {config, namespace, server: server.replace(/\/+$/, '')};
}
