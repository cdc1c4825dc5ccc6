import {Readable} from 'node:stream';
import type {Agent} from '../../agent/agent.ts';
import {createAgent} from '../../agent/agent.ts';
import {createListenAddress} from '../../agent/forwards/listen-address.ts';
import {PortInUseError} from '../../agent/forwards/node-ports.ts';
import type {Guest, Inspection, SetupOutcome} from '../../agent/guest/guest.ts';
import {createMemoryRecordStore} from '../../agent/instances/record-store.ts';
import {RefusedError} from '../../agent/probe.ts';
import type {ServiceHost, UnitStatus} from '../../agent/services/service-host.ts';
import type {AgentConnection, AgentPeer, RequestHandlers} from '../../api/agent/v1alpha1/connection.ts';
import {features} from '../../api/agent/v1alpha1/features.ts';
import type {Instance, InstanceSpec} from '../../api/agent/v1alpha1/instance.ts';
import type {NodeFacts} from '../../api/agent/v1alpha1/messages.ts';
import {silentLogger} from '../../api/effects/logger.ts';
import type {FakeDriver, FakeDriverOptions} from '../fakes/fake-driver.ts';
import {createFakeDriver} from '../fakes/fake-driver.ts';
import {fixedRandom} from '../fakes/fixed-random.ts';
import type {ManualClock} from '../fakes/manual-clock.ts';
import {createManualClock} from '../fakes/manual-clock.ts';
import {createMemoryLink} from '../fakes/memory-link.ts';

/** What happens inside instances, as a test wants it. */
export type Inside = {
  /** `alone`: with nobody left in it. */
  inspection: (signal: AbortSignal, alone: boolean) => Promise<Inspection>;
  clone: (signal: AbortSignal) => Promise<void>;
  setup: (signal: AbortSignal) => Promise<SetupOutcome>;
  /** Whether sshd answers. */
  sshd: boolean;
  /** Why there is no session with services. */
  noSession?: Error;
  readonly units: Map<string, UnitStatus>;
  readonly started: string[];
  environment: Readonly<Record<string, string>>;
};

export type Controller = {
  readonly connection: AgentConnection;
  /** Everything that was pushed, the latest last. */
  readonly told: readonly Instance[];
  readonly heartbeats: readonly NodeFacts[];
  last(): Instance | undefined;
};

export type Harness = {
  readonly clock: ManualClock;
  readonly driver: FakeDriver;
  /** Of another backend on the same machine: docker. There from the beginning only with `several`. */
  readonly other: FakeDriver;
  readonly inside: Inside;
  /** Ports that other programs hold. */
  readonly foreignPorts: Set<number>;
  readonly openPorts: ReadonlySet<number>;
  /** Serves one more peer, whatever it is connected by. */
  accept(open: (handlers: RequestHandlers) => AgentPeer): void;
  /** `arrivedAt`: what the relay of a connection from outside tells. */
  connect(options?: {
    role?: 'controller' | 'reader';
    epoch?: number;
    arrivedAt?: string;
  }): Promise<Controller>;
  /** Where the ports that are open now listen. */
  listening(): ReadonlyMap<number, string>;
  /** The agent ends in an orderly way and a new one begins. */
  restart(options?: {withoutRecords?: boolean}): Promise<void>;
};

export const uid = '11111111-1111-4111-8111-111111111111';

export function spec(change: Partial<InstanceSpec> = {}): InstanceSpec {
  return {
    uid,
    name: 'web',
    provider: 'lxc',
    image: 'nexus/base',
    limits: {cpus: 1, memory: 2 ** 30, disk: 2 ** 33},
    env: {},
    authorizedKeys: ['ssh-ed25519 AAAA'],
    specHash: 'hash',
    ...change,
  };
}

/** The whole core of the agent in virtual time, over a driver in memory. */
export async function startHarness({
  several = false,
  listen,
  agentPackage,
  ...options
}: Partial<FakeDriverOptions> & {
  several?: boolean;
  listen?: string;
  agentPackage?: NodeFacts['package'];
} = {}): Promise<Harness> {
  const clock = createManualClock();
  const driver = createFakeDriver({clock, ...options});
  const other = createFakeDriver({clock, ...options, provider: 'docker'});
  let records = createMemoryRecordStore();
  const foreignPorts = new Set<number>();
  const openPorts = new Set<number>();
  const inside = createInside();
  let epoch = 0;
  let keys = 0;
  let address: string | undefined;
  const addresses = new Map<number, string>();
  let agent: Agent | undefined;

  const start = async () => {
    const listenAddress = await createListenAddress({
      configured: listen,
      store: {
        load: async () => address,
        async save(next) {
          address = next;
        },
      },
    });
    agent = await createAgent({
      clock,
      random: fixedRandom(),
      log: silentLogger,
      installation: 'abcdef',
      agentVersion: '1.2.3',
      ...(agentPackage === undefined ? {} : {agentPackage}),
      drivers: several ? [driver, other] : [driver],
      createGuest: () => guestOf(inside),
      probe: {
        async ssh() {
          if (!inside.sshd) {
            throw new RefusedError('no sshd');
          }
        },
        async tcp() {},
        http: async () => 200,
      },
      async connect() {
        throw new RefusedError('nothing listens');
      },
      listenAddress,
      ports: {
        async listen(port) {
          if (foreignPorts.has(port) || openPorts.has(port)) {
            throw new PortInUseError(`port ${port} is taken`);
          }
          openPorts.add(port);
          addresses.set(port, listenAddress.current());
          return {port, [Symbol.asyncDispose]: async () => void openPorts.delete(port)};
        },
      },
      records,
      epochs: {
        load: async () => epoch,
        async save(next) {
          epoch = next;
        },
      },
      bundles: {has: async () => false, put: async () => {}, open: async () => Readable.from([])},
      hostKeys() {
        keys += 1;
        return {privateKey: 'private', publicKey: `ssh-ed25519 KEY${keys}`};
      },
      machine: {bootId: async () => 'boot', listeningPorts: async () => [22, ...foreignPorts, ...openPorts]},
    });
    await clock.settle();
  };
  await start();

  return {
    clock,
    driver,
    other,
    inside,
    foreignPorts,
    openPorts,
    accept: open => agent?.accept(open),
    listening: () => new Map([...addresses].filter(([port]) => openPorts.has(port))),
    async connect({role = 'controller', epoch: given = 1, arrivedAt} = {}) {
      const links: ReturnType<typeof createMemoryLink>[] = [];
      agent?.accept(handlers => {
        const link = createMemoryLink(handlers);
        links.push(link);
        return link.server;
      });
      const [link] = links;
      if (link === undefined) {
        throw new Error('there is no agent');
      }
      const told: Instance[] = [];
      const heartbeats: NodeFacts[] = [];
      link.connection.on('instance/changed', instance => told.push(instance));
      link.connection.on('heartbeat', facts => heartbeats.push(facts));
      if (arrivedAt !== undefined) {
        link.connection.notify('relay/arrived', {address: arrivedAt});
      }
      await link.connection.request('features/negotiate', {features: [...features]});
      await link.connection.request('initialize', {
        protocolVersion: 1,
        role,
        epoch: given,
        installation: 'abcdef',
        node: 'local',
      });
      return {connection: link.connection, told, heartbeats, last: () => told.at(-1)};
    },
    async restart({withoutRecords = false} = {}) {
      await agent?.[Symbol.asyncDispose]();
      if (withoutRecords) {
        records = createMemoryRecordStore();
      }
      await start();
    },
  };
}

/** As it is where all is well. */
export function createInside(): Inside {
  return {
    inspection: async () => ({unsaved: false}),
    clone: async () => {},
    setup: async () => ({exitCode: 0, step: 0, message: ''}),
    sshd: true,
    units: new Map(),
    started: [],
    environment: {},
  };
}

export function guestOf(inside: Inside): Guest {
  return {
    async clone(_uid, _options, signal) {
      await inside.clone(signal);
      return {commit: 'c'.repeat(40), branch: 'main', unsaved: false};
    },
    fetch: async () => ({commit: 'd'.repeat(40)}),
    inspect: (_uid, {alone}, signal) => inside.inspection(signal, alone !== undefined),
    async setEnvironment(_uid, env) {
      inside.environment = env;
    },
    setup: (_uid, _request, {signal}) => inside.setup(signal),
    async cancelSetup() {},
    async services(_uid, signal) {
      if (inside.noSession !== undefined) {
        throw inside.noSession;
      }
      return hostOf(inside, signal);
    },
    async connect() {
      throw new RefusedError('nothing listens');
    },
    logs: async () => Readable.from([]),
  };
}

function hostOf(inside: Inside, signal: AbortSignal): ServiceHost {
  return {
    lost: signal,
    units: async () => [...inside.units.values()],
    async start({name, hash}) {
      inside.started.push(name);
      const unit = {name, hash, invocation: `i${inside.started.length}`, pid: inside.started.length};
      inside.units.set(name, unit);
      return unit;
    },
    async stop(name) {
      inside.units.delete(name);
    },
    async checkTcp() {},
    checkHttp: async () => 200,
    async checkCommand() {},
    onExit: () => ({[Symbol.dispose]() {}}),
    async [Symbol.asyncDispose]() {},
  };
}
