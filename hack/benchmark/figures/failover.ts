import {systemRandom} from '../../../api/effects/random.ts';
import {createReplicaSet} from '../../../test/api/storage/kubernetes/replicas/replica-set.ts';
import {eventually} from '../../../test/e2e/eventually.ts';
import type {Figure, Row} from '../figure.ts';
import {summarise} from '../statistics.ts';

/** Seconds of the lease: what it is by default. */
const lease = 15;

/** Seconds between two looks of a server that waits, at the most, and what a server on a busy machine takes to answer. */
const look = 2;
const slack = 2;

/** How long nobody acts when the leader of two servers goes, as seen from outside. */
export const failoverFigure: Figure = {
  name: 'failover',
  async measure({quick, say}) {
    const {NEXUS_TEST_KUBECONFIG: kubeconfig} = process.env;
    if (!kubeconfig) {
      throw new Error('this needs a Kubernetes API server: run hack/bench, or set NEXUS_TEST_KUBECONFIG');
    }

    const namespace = `nexus-bench-failover-${systemRandom.uuid().slice(0, 8)}`;
    await using set = await createReplicaSet({kubeconfig, namespace, size: 2, seconds: lease});
    await Promise.all(set.replicas.map(replica => replica.start()));
    const measure = async (end: 'kill' | 'stop'): Promise<number[]> => {
      const samples: number[] = [];
      for (let sample = 0; sample < (quick ? 1 : 3); sample += 1) {
        const leader = await set.leader();
        const other = set.replicas.find(replica => replica !== leader);
        if (other === undefined) throw new Error('there is but one server');
        const begin = performance.now();
        const ended = leader[end]();
        await eventually(async () => {
          if (!(await other.leads())) throw new Error('it does not lead yet');
        });
        samples.push((performance.now() - begin) / 1000);
        say(`${end}: another led after ${samples.at(-1)?.toFixed(1)} s`);
        await ended;
        await leader.start();
      }

      return samples;
    };
    const row = async (what: string, end: 'kill' | 'stop', atMost: number): Promise<Row> => ({
      what,
      unit: 's',
      nexus: summarise(await measure(end)),
      aim: {of: 'median', atMost},
    });
    return [
      await row(`leader killed → another leads (lease of ${lease} s)`, 'kill', lease + look + slack),
      await row('leader stopped in good order → another leads', 'stop', look + slack),
    ];
  },
};
