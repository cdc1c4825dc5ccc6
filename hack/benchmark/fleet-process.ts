/**
 * Prints what it costs to control so many simulated workspaces, as one line of JSON: {@link FleetCosts}. Its arguments are their number and, for a
 * Kubernetes API server as the store, a kubeconfig.
 */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {Registry} from 'prom-client';
import {systemClock} from '../../api/effects/clock.ts';
import {silentLogger} from '../../api/effects/logger.ts';
import {systemRandom} from '../../api/effects/random.ts';
import {openSqliteStorage} from '../../api/storage/sqlite/sqlite-storage.ts';
import type {Storage} from '../../api/storage/storage.ts';
import {endlessTerm} from '../../api/storage/term.ts';
import {createControllerMetrics} from '../../controller/metrics.ts';
import {runController} from '../../controller/run.ts';
import {createCluster} from './cluster.ts';
import {createSimulatedNodes} from './simulated-nodes.ts';
import {fillStore, isReady, settled} from './simulated-store.ts';

export type FleetCosts = {
  /** From the start of the controller until all are Ready, which is with this many reconciles. */
  readonly converged: {readonly seconds: number; readonly reconciles: number};
  /** A later start on what is as it should be. */
  readonly restarted: {
    readonly seconds: number;
    /** Of the JavaScript heap that store and controller hold, for each workspace. */
    readonly bytes: number;
    readonly writes: number;
    readonly calls: number;
  };
  /** One look at everything. */
  readonly resynced: {
    readonly reconciles: number;
    readonly cpuSeconds: number;
    readonly writes: number;
    readonly calls: number;
    /** To the API server, but for watches that go on and for nodes; 0 without one. */
    readonly requests: number;
  };
};

/** Of the workspaces; writes are of their status. */
type Started = AsyncDisposable & {
  reconciles(): Promise<number>;
  waiting(): Promise<number>;
  writes(): number;
  /** By what was last written of each: to ask the store would be a part of what is measured. */
  ready(): number;
};

const [, , countText, kubeconfig] = process.argv;
const count = Number(countText);
const cluster = kubeconfig === undefined ? undefined : await createCluster(kubeconfig);
const folder = await mkdtemp(path.join(tmpdir(), 'nexus-bench-'));
try {
  console.log(JSON.stringify(await measure()));
} finally {
  await rm(folder, {recursive: true, force: true});
  await cluster?.[Symbol.asyncDispose]();
}

async function measure(): Promise<FleetCosts> {
  const nodes = createSimulatedNodes();
  const converged = await converge();
  const again = await startAgain();
  // What went with the controller and its store is what they held.
  const bytes = (again.heap - (await usedHeap())) / count;
  return {converged, restarted: {...again.restarted, bytes}, resynced: again.resynced};

  async function startAgain() {
    await using storage = await open();
    const calls = nodes.calls();
    const begin = performance.now();
    await using controller = await start(storage, 2 * Math.max(10_000, count));
    await settled(async () => (await controller.reconciles()) >= count && (await controller.waiting()) === 0);
    const seconds = (performance.now() - begin) / 1000;
    const restarted = {seconds, writes: controller.writes(), calls: nodes.calls() - calls};
    const heap = await usedHeap();
    return {restarted, heap, resynced: await nextResync(controller)};
  }

  async function nextResync(controller: Started): Promise<FleetCosts['resynced']> {
    const before = {
      reconciles: await controller.reconciles(),
      writes: controller.writes(),
      calls: nodes.calls(),
      requests: await cluster?.requests(),
    };
    await settled(async () => (await controller.reconciles()) > before.reconciles + count / 100);
    const [from, cpu] = [await controller.reconciles(), process.cpuUsage()];
    await settled(async () => (await controller.reconciles()) >= before.reconciles + count);
    const {user, system} = process.cpuUsage(cpu);
    return {
      reconciles: (await controller.reconciles()) - from,
      cpuSeconds: (user + system) / 1e6,
      writes: controller.writes() - before.writes,
      calls: nodes.calls() - before.calls,
      requests: ((await cluster?.requests()) ?? 0) - (before.requests ?? 0),
    };
  }

  async function converge(): Promise<FleetCosts['converged']> {
    await using storage = await open();
    await fillStore(storage, count);
    const begin = performance.now();
    await using controller = await start(storage);
    await settled(() => controller.ready() === count);
    return {seconds: (performance.now() - begin) / 1000, reconciles: await controller.reconciles()};
  }

  async function start(storage: Storage, resyncInterval?: number): Promise<Started> {
    const registry = new Registry();
    let writes = 0;
    const ready = new Set<string>();
    const counted: Storage = {
      ...storage,
      async updateStatus(kind, object, options) {
        const stored = await storage.updateStatus(kind, object, options);
        if (stored.kind === 'Workspace') {
          writes += 1;
          if (isReady(stored)) ready.add(stored.metadata.name);
          else ready.delete(stored.metadata.name);
        }
        return stored;
      },
    };
    const controller = runController(
      {
        storage: counted,
        clock: systemClock,
        random: systemRandom,
        log: silentLogger,
        metrics: createControllerMetrics(registry, systemClock),
        term: endlessTerm(await storage.beginEpoch()),
        installation: 'abc123',
        credentials: {forRepository: async () => undefined},
        bundles: {
          open() {
            throw new Error('there are no bundles');
          },
        },
        connect: nodes.connect,
        ...(resyncInterval === undefined ? {} : {tuning: {resyncInterval}}),
      },
      new AbortController().signal,
    );
    const sum = async (metric: string) => {
      const {values = []} = (await registry.getSingleMetric(metric)?.get()) ?? {};
      return values
        .filter(({labels}) => labels.controller === 'workspace')
        .reduce((total, {value}) => total + value, 0);
    };
    return {
      reconciles: () => sum('controller_runtime_reconcile_total'),
      waiting: () => sum('workqueue_depth'),
      writes: () => writes,
      ready: () => ready.size,
      [Symbol.asyncDispose]: () => controller[Symbol.asyncDispose](),
    };
  }
}

async function open(): Promise<Storage> {
  if (cluster !== undefined) return await cluster.open('fleet');

  return await openSqliteStorage({
    path: path.join(folder, 'nexus.sqlite'),
    clock: systemClock,
    random: systemRandom,
  });
}

/** Bytes, once what is no longer needed is gone. Needs `--expose-gc`. */
async function usedHeap(): Promise<number> {
  await systemClock.sleep(200);
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
