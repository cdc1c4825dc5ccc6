import {createAgent} from '../../agent/agent.ts';
import {DriverError} from '../../agent/driver.ts';
import type {NodePort} from '../../agent/forwards/node-ports.ts';
import {PortInUseError} from '../../agent/forwards/node-ports.ts';
import type {RecordStore} from '../../agent/instances/record-store.ts';
import {createMemoryRecordStore} from '../../agent/instances/record-store.ts';
import {RefusedError} from '../../agent/probe.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {FakeInstance} from '../fakes/fake-backend.ts';
import type {FakeCall, FakeDriver} from '../fakes/fake-driver.ts';
import {createFakeDriver} from '../fakes/fake-driver.ts';
import {driverIn} from './driver-in-process.ts';
import {noBundles} from './no-bundles.ts';
import type {SeededRandom} from './seeded-random.ts';
import {createSimulatedGuest, createSimulatedProbe} from './simulated-guest.ts';
import type {Inside} from './simulated-inside.ts';
import {createInsides} from './simulated-inside.ts';
import type {SimulatedNetwork} from './simulated-network.ts';
import type {SimulatedProcess} from './simulated-process.ts';
import {startProcess} from './simulated-process.ts';
import type {VirtualClock} from './virtual-clock.ts';

/** What may befall a node. Each a probability for one call or event. */
export type NodeFaults = {
  /** A call of the backend fails before anything is done. */
  readonly fail: number;
  /** It fails after all was done. */
  readonly loseAnswer: number;
  /** The agent dies before or after it. */
  readonly die: number;
  /** The backend says nothing of a change. */
  readonly loseEvent: number;
  /** What is done inside an instance fails. */
  readonly failInside: number;
};

export const noNodeFaults: NodeFaults = {fail: 0, loseAnswer: 0, die: 0, loseEvent: 0, failInside: 0};

export type SimulatedNode = {
  readonly name: string;
  readonly driver: FakeDriver;
  faults: NodeFaults;
  /** Ports that other programs hold. */
  readonly foreignPorts: Set<number>;
  /** Ports that forwards listen on. */
  readonly openPorts: ReadonlySet<number>;
  insideOf(instance: FakeInstance): Inside;
  readonly agentAlive: boolean;
  startAgent(): Promise<void>;
  killAgent(): void;
  /** Everything stops; the agent is not started again. */
  powerOff(): void;
};

export type NodeOptions = {
  readonly name: string;
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly network: SimulatedNetwork;
  readonly log: Logger;
  readonly installation: string;
  readonly trace: (text: string) => void;
  /** Told before an instance is removed by the agent. */
  readonly onDestroy: (instance: FakeInstance, inside: Inside) => void;
  readonly onStart: (instance: FakeInstance) => void;
  readonly onCreate: (instance: FakeInstance) => void;
};

/** Milliseconds that the backend's own work takes at most. */
const durations: Partial<Record<FakeCall['method'], number>> = {
  create: 1500,
  start: 1000,
  stop: 3000,
  delete: 500,
  import: 3000,
};

/** A machine with a backend in memory and the real agent on it. */
export function createSimulatedNode(options: NodeOptions): SimulatedNode {
  const {name, clock, network, installation, log} = options;
  const random = options.random.fork(name);
  const trace = (text: string) => options.trace(`${name}: ${text}`);
  const insides = createInsides(() => random.between(200, 1500));
  const records = createMemoryRecordStore();
  const foreignPorts = new Set<number>();
  const openPorts = new Set<number>();
  /** Those that were seen before: a rename takes an instance out and puts it in again. */
  const known = new WeakSet<FakeInstance>();
  let epoch = 0;
  let boots = 1;
  let lives = 0;
  let faults = noNodeFaults;
  let agent: SimulatedProcess | undefined;

  const die = (process: SimulatedProcess, when: string): Promise<never> => {
    trace(`the agent dies ${when}`);
    process.kill();
    openPorts.clear();
    return new Promise(() => {});
  };

  /** Once it is told how a stop or a deletion has ended, an agent that emptied the instance for it lets people in again. */
  const intercept = async <T>(call: FakeCall, run: () => Promise<T>): Promise<T> => {
    try {
      return await suffer(call, run);
    } finally {
      const instance = call.uid === undefined ? undefined : find(call.uid);
      if (instance !== undefined && (call.method === 'stop' || call.method === 'delete')) {
        insides.of(instance).emptiedBy = undefined;
      }
    }
  };

  /** A call of the backend by the agent that lives now: late, in vain, or its end. */
  const suffer = async <T>(call: FakeCall, run: () => Promise<T>): Promise<T> => {
    const process = agent;
    if (process === undefined) {
      return run();
    }

    await process.clock.sleep(random.between(0, 20));
    if (random.chance(faults.die)) {
      return die(process, `before ${call.method}`);
    }

    if (random.chance(faults.fail)) {
      throw new DriverError(
        random.pick(['BackendUnavailable', 'Internal', 'NotPermittedNow']),
        `simulated: ${call.method} failed`,
      );
    }

    const result = await process.outside(run());
    if (random.chance(faults.die)) {
      return die(process, `after ${call.method}`);
    }

    if (random.chance(faults.loseAnswer)) {
      throw new DriverError('TimedOut', `simulated: the answer to ${call.method} was lost`);
    }

    return result;
  };

  const driver = createFakeDriver({
    clock,
    intercept,
    images: {'nexus/base': {needsProvisioning: false}, 'nexus/other': {needsProvisioning: true}},
    duration: ({method}) => random.between(0, durations[method] ?? 0),
    inside: insides.packing,
  });
  const {backend} = driver;
  const {start, stop, remove, tell} = backend;
  const put = backend.instances.set.bind(backend.instances);
  backend.instances.set = (key, instance) => {
    if (!known.has(instance)) {
      trace(`${key} is made`);
      known.add(instance);
      options.onCreate(instance);
    }

    return put(key, instance);
  };
  backend.start = instance => {
    start(instance);
    trace(`${instance.name} runs`);
    options.onStart(instance);
  };
  backend.stop = instance => {
    const wasUp = instance.state === 'Running' || instance.state === 'Stopping';
    stop(instance);
    insides.stopped(instance);
    if (wasUp) {
      trace(`${instance.name} stops`);
    }
  };
  backend.remove = instance => {
    trace(`${instance.name} is removed`);
    options.onDestroy(instance, insides.of(instance));
    remove(instance);
  };
  backend.tell = uid => {
    if (!random.chance(faults.loseEvent)) {
      tell(uid);
    }
  };

  const find = (uid: string): FakeInstance | undefined =>
    [...backend.instances.values()].find(instance => instance.uid === uid && !instance.isCopy);

  const portsFor = (process: SimulatedProcess) => ({
    async listen(port: number): Promise<NodePort> {
      await process.clock.sleep(random.between(0, 3));
      if (foreignPorts.has(port) || openPorts.has(port)) {
        throw new PortInUseError(`simulated: port ${port} is in use`);
      }

      openPorts.add(port);
      return {
        port,
        async [Symbol.asyncDispose]() {
          openPorts.delete(port);
        },
      };
    },
  });

  const recordsFor = (process: SimulatedProcess): RecordStore => ({
    load: () => process.outside(records.load()),
    async save(record) {
      await process.clock.sleep(random.between(0, 5));
      await process.outside(records.save(record));
      if (random.chance(faults.die)) {
        await die(process, 'after it stored a record');
      }
    },
    async remove(uid) {
      await process.clock.sleep(random.between(0, 5));
      await process.outside(records.remove(uid));
    },
  });

  return {
    name,
    driver,
    foreignPorts,
    openPorts,
    insideOf: insides.of,
    get faults() {
      return faults;
    },
    set faults(next) {
      faults = next;
    },
    get agentAlive() {
      return agent?.alive === true;
    },
    async startAgent() {
      lives += 1;
      const process = startProcess(`agent ${lives} of ${name}`, clock);
      agent = process;
      const guestOptions = {
        process,
        random: random.fork(`guest ${lives}`),
        find,
        instances: () => backend.instances.values(),
        insides,
        failing: () => faults.failInside,
      };
      const created = createAgent({
        clock: process.clock,
        random: random.fork(`agent ${lives}`),
        log,
        installation,
        agentVersion: '0.0.0',
        drivers: [driverIn(process, driver)],
        createGuest: () => createSimulatedGuest(guestOptions),
        probe: createSimulatedProbe(guestOptions),
        connect: async () => {
          throw new RefusedError('simulated: nothing listens there');
        },
        listenAddress: {current: () => '127.0.0.1', follow: async () => false},
        ports: portsFor(process),
        records: recordsFor(process),
        epochs: {
          load: async () => epoch,
          async save(next) {
            await process.clock.sleep(1);
            epoch = next;
          },
        },
        bundles: noBundles,
        hostKeys: () => ({
          privateKey: 'simulated',
          publicKey: `ssh-ed25519 ${Buffer.from(random.bytes(32)).toString('base64')}`,
        }),
        machine: {
          bootId: async () => `boot-${boots}`,
          listeningPorts: async () => [...foreignPorts, ...openPorts],
        },
      });
      // A rejection stays unhandled, and ends the run.
      void created.then(ready => {
        if (process.alive) {
          trace(`agent ${lives} listens`);
          network.listen(name, {process, accept: ready.accept});
        }
      });
    },
    killAgent() {
      if (agent?.alive) {
        trace('the agent is killed');
        agent.kill();
        openPorts.clear();
      }
    },
    powerOff() {
      trace('the machine goes down');
      agent?.kill();
      openPorts.clear();
      boots += 1;
      network.cut(name);
      for (const instance of backend.instances.values()) {
        if (instance.state !== 'Stopped') {
          backend.stop(instance);
        }
      }
    },
  };
}
