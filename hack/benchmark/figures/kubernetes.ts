import {apiVersion} from '../../../api/v1alpha1/metadata.ts';
import {workspace} from '../../../api/v1alpha1/workspace.ts';
import {startChild} from '../child.ts';
import type {Cluster} from '../cluster.ts';
import {createCluster} from '../cluster.ts';
import type {Figure, Row} from '../figure.ts';
import type {FleetCosts} from '../fleet-process.ts';
import {ratios, summarise} from '../statistics.ts';
import {typicalStatus} from '../typical-status.ts';

/** As many writes are under way at once: what a controller's workers would do. */
const workers = 8;

/** What the controller costs with very many workspaces in a Kubernetes API server, on simulated nodes. */
export const kubernetesFigure: Figure = {
  name: 'kubernetes',
  async measure({quick, say}) {
    const {NEXUS_TEST_KUBECONFIG: kubeconfig} = process.env;
    if (!kubeconfig) {
      throw new Error('this needs a Kubernetes API server: run hack/bench, or set NEXUS_TEST_KUBECONFIG');
    }

    await using cluster = await createCluster(kubeconfig);
    const statusWrites = await measureStatusWrites(cluster, quick);
    const count = quick ? 500 : 10_000;
    const workspaces = `${count.toLocaleString('en')} workspaces in Kubernetes`;
    await using child = await startChild('fleet-process.ts', String(count), kubeconfig);
    // What the child prints; its own type says what that is.
    const {converged, restarted, resynced} = child.answer as FleetCosts;
    say(`${workspaces} Ready after ${converged.seconds.toFixed(1)} s`);
    const one = (what: string, unit: Row['unit'], value: number): Row => ({
      what,
      unit,
      nexus: summarise([value]),
    });
    const none = (what: string, value: number): Row => ({
      ...one(what, 'count', value),
      aim: {of: 'median', atMost: 0},
    });
    return [
      statusWrites,
      one(`${workspaces} declared → all Ready`, 's', converged.seconds),
      one(`restart with ${workspaces} → all looked at`, 's', restarted.seconds),
      one('memory a workspace, stored in Kubernetes', 'bytes', restarted.bytes),
      one(
        'reconciles of a full resync, stored in Kubernetes, by processor time',
        'per second',
        resynced.reconciles / resynced.cpuSeconds,
      ),
      one('writes of a restart, stored in Kubernetes', 'count', restarted.writes),
      none('writes of a full resync, stored in Kubernetes', resynced.writes),
      none('requests to the API server of a full resync, but for heartbeats of nodes', resynced.requests),
    ];
  },
};

/** Against the same bytes put to the same API server by a bare client. */
async function measureStatusWrites(cluster: Cluster, quick: boolean): Promise<Row> {
  const namespace = 'writes';
  await using storage = await cluster.open(namespace);
  const batch = quick ? 100 : 400;
  const names = Array.from({length: batch}, (_, index) => `w-${index}`);
  await atOnce(names, async name => {
    const declared = {apiVersion, kind: 'Workspace', metadata: {name}, spec: {owner: 'ada'}};
    await storage.create('Workspace', workspace.parse(declared));
  });
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < (quick ? 2 : 6); round += 1) {
    const status = typicalStatus(round);
    const objects = (await storage.list('Workspace')).items;
    ours.push(
      await rate(objects, async ({metadata, ...object}) => {
        const {resourceVersion: _, ...current} = metadata;
        await storage.updateStatus('Workspace', {...object, metadata: current, status});
      }),
    );

    const listed = JSON.parse(
      await cluster.send('GET', `/apis/${apiVersion}/namespaces/${namespace}/workspaces`),
    ) as {items: {metadata: {name: string}; status: object}[]};
    const bodies = listed.items.map(item => ({
      path: `/apis/${apiVersion}/namespaces/${namespace}/workspaces/${item.metadata.name}/status`,
      body: JSON.stringify({...item, status: typicalStatus(round + 1000)}),
    }));
    bare.push(await rate(bodies, async ({path, body}) => void (await cluster.send('PUT', path, body))));
  }

  return {
    what: `status writes to the API server, ${workers} at once`,
    unit: 'per second',
    nexus: summarise(ours),
    reference: {what: 'bare PUTs', summary: summarise(bare)},
    ratio: ratios(ours, bare),
  };
}

/** A second. */
async function rate<T>(items: readonly T[], write: (item: T) => Promise<void>): Promise<number> {
  const begin = performance.now();
  await atOnce(items, write);
  return items.length / ((performance.now() - begin) / 1000);
}

async function atOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({length: workers}, async () => {
      for (const item of left) await work(item);
    }),
  );
}
