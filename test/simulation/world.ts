import {Registry} from 'prom-client';
import type {SqliteStorage} from '../../api/storage/sqlite/sqlite-storage.ts';
import {openSqliteStorage} from '../../api/storage/sqlite/sqlite-storage.ts';
import {endlessTerm} from '../../api/storage/term.ts';
import {apiVersion} from '../../api/v1alpha1/metadata.ts';
import {node as nodeSchema} from '../../api/v1alpha1/node.ts';
import {user} from '../../api/v1alpha1/user.ts';
import {createControllerMetrics} from '../../controller/metrics.ts';
import type {Controller} from '../../controller/run.ts';
import {runController} from '../../controller/run.ts';
import type {FakeInstance} from '../fakes/fake-backend.ts';
import type {FaultyStorageOptions, StorageFaults} from './faulty-storage.ts';
import {createFaultyStorage, noStorageFaults} from './faulty-storage.ts';
import {createInstanceHistory} from './instance-history.ts';
import type {SeededRandom} from './seeded-random.ts';
import {createSeededRandom} from './seeded-random.ts';
import type {SimulatedNetwork} from './simulated-network.ts';
import {createSimulatedNetwork} from './simulated-network.ts';
import type {SimulatedNode} from './simulated-node.ts';
import {createSimulatedNode} from './simulated-node.ts';
import type {SimulatedProcess} from './simulated-process.ts';
import {startProcess} from './simulated-process.ts';
import type {Trace} from './trace.ts';
import {createTrace} from './trace.ts';
import type {Violation} from './violation.ts';
import {Violation as ViolationError} from './violation.ts';
import type {VirtualClock} from './virtual-clock.ts';
import {createVirtualClock} from './virtual-clock.ts';
import {watchStatuses} from './watch-statuses.ts';

export type WorldOptions = {
  readonly seed: string;
  readonly nodes: number;
  /** Whether the trace holds the logs of what runs. */
  readonly withLogs?: boolean;
  readonly onWrite?: FaultyStorageOptions['onWrite'];
};

/** Everything there is in one simulation: real storage, controller and agents; time, chance, wires and backends simulated. */
export type World = AsyncDisposable & {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly trace: Trace;
  readonly network: SimulatedNetwork;
  /** As the API server and the checks use it: without faults. */
  readonly storage: SqliteStorage;
  readonly nodes: readonly SimulatedNode[];
  storageFaults: StorageFaults;
  /** What was found broken so far. */
  readonly violations: readonly Violation[];
  report(violation: Violation): void;
  /** The server that runs now, if it lives. */
  readonly server: Server | undefined;
  /** Starts a server. The one before, if it still lives, goes on: two at once. */
  startServer(): Server;
  /** Servers that live. */
  readonly servers: readonly Server[];
  /** Uids whose instance may be destroyed whatever is in it. */
  readonly forced: Set<string>;
  /** `node/name` of instances that somebody else has on our nodes. */
  readonly strangers: Set<string>;
  /** Uids of instances that somebody has removed by hand. */
  readonly handRemoved: Set<string>;
  /** Set while somebody removes an instance by hand. */
  handRemoves: boolean;
};

export type Server = {
  readonly process: SimulatedProcess;
  readonly registry: Registry;
  controller: Controller | undefined;
};

const installation = 'abcdef';
const startTime = Date.parse('2026-11-20T10:00:00.000Z');

export async function createWorld(options: WorldOptions): Promise<World> {
  const random = createSeededRandom(options.seed);
  const clock = createVirtualClock(startTime, random.fork('clock'));
  const trace = createTrace({now: clock.now, start: startTime, withLogs: options.withLogs ?? false});
  const network = createSimulatedNetwork({clock, random: random.fork('network')});
  const storage = await openSqliteStorage({path: ':memory:', clock, random: random.fork('storage')});
  const history = createInstanceHistory(clock.now);
  const violations: Violation[] = [];
  const servers: Server[] = [];
  let lives = 0;

  const world: World = {
    clock,
    random,
    trace,
    network,
    storage,
    nodes: Array.from({length: options.nodes}, (_, index) => makeNode(`node-${index + 1}`)),
    storageFaults: noStorageFaults,
    violations,
    forced: new Set(),
    strangers: new Set(),
    handRemoved: new Set(),
    handRemoves: false,
    report(violation) {
      trace.add(`VIOLATION ${violation.message}`);
      violations.push(violation);
    },
    get server() {
      return servers.findLast(({process}) => process.alive);
    },
    get servers() {
      return servers.filter(({process}) => process.alive);
    },
    startServer,
    async [Symbol.asyncDispose]() {
      abort.abort();
      for (const {process} of servers) {
        process.kill();
      }

      for (const node of world.nodes) {
        node.killAgent();
      }

      await storage[Symbol.asyncDispose]();
    },
  };

  const abort = new AbortController();
  watchStatuses({
    storage,
    clock,
    history,
    heardAt: network.heardAt,
    report: world.report,
    signal: abort.signal,
  });
  for (const {name} of world.nodes) {
    await storage.create(
      'Node',
      nodeSchema.parse({apiVersion, kind: 'Node', metadata: {name}, spec: {local: true}}),
    );
  }

  await storage.create(
    'User',
    user.parse({
      apiVersion,
      kind: 'User',
      metadata: {name: 'ada'},
      spec: {sshKeys: [{publicKey: 'ssh-ed25519 AAAA', fingerprint: `SHA256:${'a'.repeat(43)}`}]},
    }),
  );
  return world;

  function startServer(): Server {
    lives += 1;
    const process = startProcess(`server ${lives}`, clock);
    const server: Server = {process, registry: new Registry(), controller: undefined};
    servers.push(server);
    trace.add(`${process.name} starts`);
    const life = random.fork(process.name);
    const seen = createFaultyStorage({
      storage,
      process,
      random: life.fork('storage'),
      faults: () => world.storageFaults,
      trace: trace.add,
      ...(options.onWrite === undefined ? {} : {onWrite: options.onWrite}),
    });
    const run = async () => {
      const epoch = await beginEpoch(seen, process);
      server.controller = runController(
        {
          storage: seen,
          clock: process.clock,
          random: life,
          log: trace.logger(process.name),
          connect: (node, signal) => network.connect(node.metadata.name, process, signal),
          term: endlessTerm(epoch),
          installation,
          metrics: createControllerMetrics(server.registry, process.clock),
          credentials: {forRepository: async () => undefined},
          bundles: {
            open() {
              throw new Error('simulated: no bundles');
            },
          },
          // Without the net of resyncs: what is missed stays missed, and is found.
          tuning: {orphanGrace: 60_000, copyPatience: 20_000, resyncInterval: 365 * 86_400_000},
          // As the program does: it ends, and whoever watches over it starts it anew.
          onFenced: () => process.kill(),
        },
        new AbortController().signal,
      );
    };
    void run();
    return server;
  }

  /** Whether work would be lost with it: nobody agreed to that, and no instance elsewhere has all of it. */
  function isTheOnlyOne(instance: FakeInstance, work: number): boolean {
    const {uid = '', incoming} = instance;
    if (
      world.forced.has(uid) ||
      (incoming !== undefined && (!incoming.complete || world.handRemoved.has(uid)))
    ) {
      return false;
    }

    return !world.nodes.some(node =>
      [...node.driver.backend.instances.values()].some(
        other =>
          other !== instance &&
          other.uid === uid &&
          !other.isCopy &&
          other.incoming === undefined &&
          node.insideOf(other).work >= work,
      ),
    );
  }

  function makeNode(name: string): SimulatedNode {
    return createSimulatedNode({
      name,
      clock,
      random: random.fork('nodes'),
      network,
      log: trace.logger(name),
      installation,
      trace: trace.add,
      onCreate: history.follow,
      onDestroy(instance, inside) {
        if (inside.unsaved && !world.handRemoves && isTheOnlyOne(instance, inside.work)) {
          world.report(
            new ViolationError('UnsavedWorkKept', `${instance.name} held unsaved work and was removed`),
          );
        }
      },
      onStart(instance) {
        const live = world.nodes.filter(({driver}) =>
          [...driver.backend.instances.values()].some(
            ({uid, isCopy, state}) => uid === instance.uid && !isCopy && state === 'Running',
          ),
        );
        if (live.length > 1) {
          const names = live.map(each => each.name).join(' and ');
          world.report(new ViolationError('OneLiveInstance', `${instance.name} runs on ${names}`));
        }
      },
    });
  }
}

async function beginEpoch(
  storage: {beginEpoch(): Promise<number>},
  process: SimulatedProcess,
): Promise<number> {
  for (;;) {
    try {
      return await storage.beginEpoch();
    } catch {
      await process.clock.sleep(100);
    }
  }
}
