import type {AgentPeer, RequestHandlers} from '../api/agent/v1alpha1/connection.ts';
import type {NodeFacts} from '../api/agent/v1alpha1/messages.ts';
import type {Clock} from '../api/effects/clock.ts';
import type {Logger} from '../api/effects/logger.ts';
import type {Random} from '../api/effects/random.ts';
import {createConnections} from './connections.ts';
import type {Driver} from './driver.ts';
import type {EpochStore} from './epoch.ts';
import {createEpochs} from './epoch.ts';
import type {Connect} from './forwards/dial.ts';
import {createDial} from './forwards/dial.ts';
import {createForwards} from './forwards/forwards.ts';
import type {ListenAddress} from './forwards/listen-address.ts';
import type {NodePorts} from './forwards/node-ports.ts';
import type {Guest} from './guest/guest.ts';
import {createDeletion} from './instances/deletion.ts';
import {createDoors} from './instances/doors.ts';
import type {Entry} from './instances/entry.ts';
import type {HostKeySource} from './instances/host-key.ts';
import {createLifecycle} from './instances/lifecycle.ts';
import {createObserver} from './instances/observer.ts';
import {createOperations} from './instances/operations.ts';
import type {RecordStore} from './instances/record-store.ts';
import {createRecordWriter} from './instances/record-writer.ts';
import {createRegistry} from './instances/registry.ts';
import {createSettings} from './instances/settings.ts';
import {createSshReadiness} from './instances/ssh-readiness.ts';
import {createMoves} from './moves/moves.ts';
import type {Machine} from './node-facts.ts';
import {createNodeReader} from './node-facts.ts';
import type {Probe} from './probe.ts';
import type {BundleCache} from './repository/bundle-cache.ts';
import {createRepositoryWork} from './repository/repository-work.ts';
import {createSupervisors} from './services/supervisors.ts';
import {createSetupWork} from './setup/setup-work.ts';

export type AgentOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly installation: string;
  readonly agentVersion: string;
  /** What this agent was started from. */
  readonly agentPackage?: NodeFacts['package'];
  /** Not disposed of by the agent. */
  readonly drivers: readonly Driver[];
  /** What works inside instances; is given how to find the driver of a uid. */
  readonly createGuest: (driverOf: (uid: string) => Driver) => Guest;
  readonly probe: Probe;
  readonly connect: Connect;
  /** Where `ports` listen from then on. */
  readonly listenAddress: ListenAddress;
  readonly ports: NodePorts;
  readonly records: RecordStore;
  readonly epochs: EpochStore;
  readonly bundles: BundleCache;
  readonly hostKeys: HostKeySource;
  readonly machine: Machine;
};

/**
 * Everything on a node but the driver and the operating system, which are injected. Disposing of it closes its ports and connections and leaves
 * instances and their services as they are.
 */
export type Agent = AsyncDisposable & {
  /** Serves one more peer: `open` is given what to answer requests with. The connection ends when the peer's does. */
  accept(open: (handlers: RequestHandlers) => AgentPeer): void;
};

/** Restores what was declared, and begins to look at the backend; resolves before it has answered. */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const {clock, random, log, drivers, probe, connect, ports, bundles} = options;
  const records = createRecordWriter(options.records, log);
  const registry = createRegistry({clock, log, drivers, records, restored: await options.records.load()});
  const epochs = await createEpochs(options.epochs);
  const driverOf = (uid: string) => registry.driverOf(registry.existing(uid).record.provider);
  const guest = options.createGuest(driverOf);
  const {changed, observe} = registry;

  const supervisors = createSupervisors({clock, log, guest, probe, changed, registry});
  const doors = createDoors(registry.find);
  const operations = createOperations({
    clock,
    log,
    observe,
    changed(entry) {
      doors.follow(entry);
      changed(entry);
      supervisors.follow(entry);
    },
  });
  const readiness = createSshReadiness({
    clock,
    probe,
    changed(entry) {
      changed(entry);
      supervisors.follow(entry);
    },
  });
  const dial = doors.guard(createDial({clock, registry, connect, guest}));
  const forwards = createForwards({ports, dial, log});
  const repository = createRepositoryWork({clock, log, registry, operations, guest, bundles, doors});
  const setup = createSetupWork({clock, registry, operations, guest});
  const lifecycle = createLifecycle({
    registry,
    operations,
    readiness,
    hostKeys: options.hostKeys,
    isSaved: repository.isSaved,
  });
  const release = async (entry: Entry) => {
    readiness.abandon(entry);
    await supervisors.release(entry);
    await forwards.reconcile(entry, []);
  };
  const deletion = createDeletion({
    clock,
    registry,
    operations,
    isSaved: repository.isSaved,
    release,
  });
  using stack = new DisposableStack();
  stack.use(
    registry.onObserved(entry => {
      readiness.follow(entry);
      supervisors.follow(entry);
      setup.resume(entry);
    }),
  );
  for (const entry of registry.entries()) {
    supervisors.restore(entry);
  }
  void Promise.all(registry.entries().map(entry => forwards.reconcile(entry, entry.record.forwards)));
  const observer = createObserver({
    clock,
    random,
    log,
    registry,
    drivers,
    async abandon(entry) {
      await release(entry);
      registry.remove(entry);
    },
  });
  const node = createNodeReader({
    clock,
    drivers,
    machine: options.machine,
    agentVersion: options.agentVersion,
    ...(options.agentPackage === undefined ? {} : {agentPackage: options.agentPackage}),
    ownPorts: forwards.own,
    hasListed: observer.hasListed,
  });
  const connections = createConnections({
    clock,
    log,
    installation: options.installation,
    registry,
    epochs,
    node,
    observer,
    guest,
    dial,
    doors,
    bundles,
    lifecycle,
    deletion,
    settings: createSettings(registry, operations),
    repository,
    setup,
    supervisors,
    forwards,
    listenAddress: options.listenAddress,
    moves: createMoves({
      registry,
      operations,
      flush: records.flush,
      restore: supervisors.restore,
      release,
    }),
  });
  const subscriptions = stack.move();

  return {
    accept: connections.accept,
    async [Symbol.asyncDispose]() {
      await connections[Symbol.asyncDispose]();
      await observer[Symbol.asyncDispose]();
      readiness.stop();
      await operations.stop();
      await supervisors[Symbol.asyncDispose]();
      await forwards[Symbol.asyncDispose]();
      subscriptions[Symbol.dispose]();
      await records.flush();
    },
  };
}
