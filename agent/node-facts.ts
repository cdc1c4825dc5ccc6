import type {NodeFacts} from '../api/agent/v1alpha1/messages.ts';
import type {Clock} from '../api/effects/clock.ts';
import {timestampAt} from '../api/effects/clock.ts';
import type {Driver, Limits} from './driver.ts';

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
  /** What it was started from. */
  readonly agentPackage?: NodeFacts['package'];
  readonly ownPorts: () => ReadonlySet<number>;
  /** Whether what this driver's backend holds is known: until then it is not ready for whoever goes by it. */
  readonly hasListed: (driver: Driver) => boolean;
};

type ProviderFacts = NodeFacts['providers'][number];
type Resources = Pick<NodeFacts, 'capacity' | 'allocatable'>;

export function createNodeReader({
  clock,
  drivers,
  machine,
  agentVersion,
  agentPackage,
  ownPorts,
  hasListed,
}: NodeReaderOptions): NodeReader {
  const lastProbes = new Map<Driver, ProviderFacts>();
  const lastResources = new Map<Driver, Resources>();

  const within = async <T>(work: Promise<T>): Promise<T | undefined> => {
    work.catch(() => {});
    const late = Promise.withResolvers<undefined>();
    using _ = clock.schedule(probeTimeout, () => late.resolve(undefined));
    return await Promise.race([work.catch(() => undefined), late.promise]);
  };

  const probe = async (driver: Driver): Promise<ProviderFacts> => {
    const [found, measured] = await Promise.all([within(driver.probe()), within(driver.capacity())]);
    const resources = measured ?? lastResources.get(driver);
    if (resources !== undefined) {
      lastResources.set(driver, resources);
    }
    if (found === undefined) {
      const last = lastProbes.get(driver) ?? {name: driver.provider, backend: '', version: ''};
      return {...last, ready: false, message: 'the backend does not answer'};
    }
    const facts = {
      name: driver.provider,
      ...found,
      ...resources,
      ...(driver.transfer !== undefined && {transferFormat: driver.transfer.format}),
    };
    lastProbes.set(driver, facts);
    return facts.ready && !hasListed(driver)
      ? {...facts, ready: false, message: 'the backend has not told its instances yet'}
      : facts;
  };

  return {
    async facts() {
      const present = drivers.filter(({presence}) => presence?.present !== false);
      const [providers, bootId, listening] = await Promise.all([
        Promise.all(present.map(probe)),
        machine.bootId(),
        machine.listeningPorts(),
      ]);
      const own = ownPorts();
      const foreign = listening.filter(
        port => !own.has(port) && portRanges.some(([first, last]) => port >= first && port <= last),
      );
      return {
        time: timestampAt(clock.now()),
        bootId,
        agentVersion,
        providers,
        capacity: mostOf(providers.map(({capacity}) => capacity)),
        allocatable: mostOf(providers.map(({allocatable}) => allocatable)),
        portsInUse: [...new Set(foreign)].sort((a, b) => a - b),
        ...(agentPackage === undefined ? {} : {package: agentPackage}),
      };
    },
  };
}

/** Processors and memory are the machine's, whichever backend tells of them; disks are told by backend as well. */
function mostOf(all: readonly (Limits | undefined)[]): Limits {
  const known = all.filter(each => each !== undefined);
  const most = (key: keyof Limits) => Math.max(0, ...known.map(each => each[key]));
  return {cpus: most('cpus'), memory: most('memory'), disk: most('disk')};
}
