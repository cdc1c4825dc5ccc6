import {systemClock} from '../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import type {KubernetesStorage} from '../../../../api/storage/kubernetes/kubernetes-storage.ts';
import {openKubernetesStorage} from '../../../../api/storage/kubernetes/kubernetes-storage.ts';
import type {Cluster} from './cluster.ts';

/**
 * Gives an empty store in a namespace of its own each time, one after the other: all of a cluster count with the same revisions, and the contract speaks of
 * stores of which nothing else is written.
 */
export function createStores({kubeconfig, kubectl}: Cluster): () => Promise<KubernetesStorage> {
  let previous: Promise<unknown> = Promise.resolve();
  let count = 0;
  const prefix = `nexus-test-${systemRandom.uuid().slice(0, 8)}`;
  return async () => {
    const closed = Promise.withResolvers<void>();
    const turn = previous;
    previous = closed.promise;
    await turn;
    count += 1;
    const namespace = `${prefix}-${count}`;
    // Where there are no namespaces any name will do.
    await kubectl(['create', 'namespace', namespace]).catch(() => undefined);
    const storage = await openKubernetesStorage({
      kubeconfig,
      namespace,
      clock: systemClock,
      random: systemRandom,
    });
    return {
      ...storage,
      async [Symbol.asyncDispose]() {
        await storage[Symbol.asyncDispose]();
        closed.resolve();
      },
    };
  };
}
