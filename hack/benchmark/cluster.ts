import {request} from 'undici';
import {systemClock} from '../../api/effects/clock.ts';
import {systemRandom} from '../../api/effects/random.ts';
import {loadClusterConfig} from '../../api/storage/kubernetes/cluster-config.ts';
import {createCredentials} from '../../api/storage/kubernetes/credentials.ts';
import type {KubernetesStorage} from '../../api/storage/kubernetes/kubernetes-storage.ts';
import {openKubernetesStorage} from '../../api/storage/kubernetes/kubernetes-storage.ts';

/** A Kubernetes API server, with Nexus as its client and without. */
export type Cluster = AsyncDisposable & {
  open(namespace: string): Promise<KubernetesStorage>;
  /** A bare request over a connection that is kept. Rejects unless it is answered with success. */
  send(method: 'GET' | 'PUT', path: string, body?: string): Promise<string>;
  /** How many the API server has answered so far for Nexus's objects but nodes, whose heartbeats are written once a minute: watches count once they have ended. */
  requests(): Promise<number>;
};

export async function createCluster(kubeconfig: string): Promise<Cluster> {
  const config = await loadClusterConfig({kubeconfig});
  const credentials = createCredentials(config, systemClock);

  const send: Cluster['send'] = async (method, path, body) => {
    const {headers, dispatcher} = await credentials.current();
    const answer = await request(`${config.server}${path}`, {
      method,
      dispatcher,
      headers: {...headers, 'content-type': 'application/json'},
      ...(body === undefined ? {} : {body}),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path} was answered ${answer.statusCode}`);
    return text;
  };

  return {
    open: async namespace =>
      await openKubernetesStorage({kubeconfig, namespace, clock: systemClock, random: systemRandom}),
    send,
    async requests() {
      const metrics = await send('GET', '/metrics');
      return [...metrics.matchAll(/^apiserver_request_total\{(.*)\} (\S+)$/gm)]
        .filter(([, labels]) => labels?.includes('group="nexus.dev"') && !labels.includes('resource="nodes"'))
        .reduce((total, [, , count]) => total + Number(count), 0);
    },
    [Symbol.asyncDispose]: () => credentials[Symbol.asyncDispose](),
  };
}
