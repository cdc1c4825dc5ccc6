import type {NodeFacts} from '../api/agent/v1alpha1/messages.ts';
import type {Clock} from '../api/effects/clock.ts';
import {timestampAt} from '../api/effects/clock.ts';
import type {Driver} from './driver.ts';

/** Ranges that Nexus takes node ports from: ssh and services. */
const portRanges = [
  [2222, 2299],
  [23_000, 23_999],
] as const;

/** Milliseconds that a backend gets to answer before the last answer is told again, as not ready. */
const probeTimeout = 2000;

export type NodeReader = {
  facts(): Promise<NodeFacts>;
};

/** What only the machine can tell. */
export type Machine = {
  bootId(): Promise<string>;
  /** TCP ports on which anything listens. */
  listeningPorts(): Promise<readonly number[]>;
};

export type NodeReaderOptions = {
  readonly clock: Clock;
  readonly drivers: readonly Driver[];
  readonly machine: Machine;
  readonly agentVersion: string;
  readonly ownPorts: () => ReadonlySet<number>;
};

const nothing = {cpus: 0, memory: 0, disk: 0};

export function createNodeReader({
  clock,
  drivers,
  machine,
  agentVersion,
  ownPorts,
}: NodeReaderOptions): NodeReader {
  const lastProbes = new Map<Driver, NodeFacts['providers'][number]>();
  let lastCapacity = {capacity: nothing, allocatable: nothing};

  const within = async <T>(work: Promise<T>): Promise<T | undefined> => {
    work.catch(() => {});
    const late = Promise.withResolvers<undefined>();
    using _ = clock.schedule(probeTimeout, () => late.resolve(undefined));
    return await Promise.race([work.catch(() => undefined), late.promise]);
  };

  const probe = async (driver: Driver): Promise<NodeFacts['providers'][number]> => {
    const found = await within(driver.probe());
    if (found === undefined) {
      const last = lastProbes.get(driver) ?? {name: driver.provider, backend: '', version: ''};
      return {...last, ready: false, message: 'the backend does not answer'};
    }
    const facts = {name: driver.provider, ...found};
    lastProbes.set(driver, facts);
    return facts;
  };

  return {
    async facts() {
      const [providers, capacity, bootId, listening] = await Promise.all([
        Promise.all(drivers.map(probe)),
        drivers[0] === undefined ? undefined : within(drivers[0].capacity()),
        machine.bootId(),
        machine.listeningPorts(),
      ]);
      lastCapacity = capacity ?? lastCapacity;
      const own = ownPorts();
      const foreign = listening.filter(
        port => !own.has(port) && portRanges.some(([first, last]) => port >= first && port <= last),
      );
      return {
        time: timestampAt(clock.now()),
        bootId,
        agentVersion,
        providers,
        ...lastCapacity,
        portsInUse: [...new Set(foreign)].sort((a, b) => a - b),
      };
    },
  };
}
