import type {Clock} from '../api/effects/clock.ts';
import {DriverError} from './driver.ts';
import type {NodeDriver, ProviderKind} from './node-driver.ts';

export type PresentDriverOptions = {
  readonly kind: Pick<ProviderKind, 'provider' | 'title'>;
  readonly clock: Clock;
  readonly find: () => Promise<string | undefined>;
  readonly open: (place: string) => NodeDriver;
};

/** Milliseconds between looks for a backend that may yet be installed. */
const lookInterval = 5000;

/** A driver whose backend may appear at any time after the agent began; until then every call fails, and its presence says so. */
export type PresentDriver = NodeDriver & {
  /** Whether it is there now. */
  look(): Promise<boolean>;
};

export function createPresentDriver({kind, clock, find, open}: PresentDriverOptions): PresentDriver {
  const {provider, title} = kind;
  let driver: NodeDriver | undefined;

  const look = async (): Promise<boolean> => {
    if (driver === undefined) {
      const place = await find();
      // Two looks at once must not open it twice.
      driver ??= place === undefined ? undefined : open(place);
    }
    return driver !== undefined;
  };

  const wait = async (signal: AbortSignal): Promise<void> => {
    while (!(await look())) {
      await clock.sleep(lookInterval, signal);
    }
  };

  const needed = async (): Promise<NodeDriver> => {
    await look();
    if (driver === undefined) {
      throw new DriverError('BackendUnavailable', `there is no ${title} on this machine`);
    }
    return driver;
  };

  const probing = (which: 'probe' | 'probeBackend') => async () =>
    (await look()) && driver !== undefined
      ? await driver[which]()
      : {backend: '', version: '', ready: false, message: `there is no ${title} on this machine`};

  return {
    provider,
    look,
    presence: {
      get present() {
        return driver !== undefined;
      },
      wait,
    },
    get transfer() {
      return driver?.transfer;
    },
    get place() {
      return driver?.place ?? '';
    },
    probe: probing('probe'),
    probeBackend: probing('probeBackend'),
    prepare: async () => (await needed()).prepare(),
    reach: (...args) => driver?.reach?.(...args),
    imagePresent: async alias => (await needed()).imagePresent(alias),
    importImage: async (...args) => (await needed()).importImage(...args),
    purge: async () => (await needed()).purge(),
    capacity: async () => (await needed()).capacity(),
    observe: async () => (await needed()).observe(),
    observeOne: async uid => (await needed()).observeOne(uid),
    create: async (...args) => (await needed()).create(...args),
    start: async (...args) => (await needed()).start(...args),
    stop: async (...args) => (await needed()).stop(...args),
    unfreeze: async uid => (await needed()).unfreeze(uid),
    rename: async uid => (await needed()).rename(uid),
    delete: async uid => (await needed()).delete(uid),
    retire: async (...args) => (await needed()).retire(...args),
    restore: async uid => (await needed()).restore(uid),
    setLimits: async (...args) => (await needed()).setLimits(...args),
    setAuthorizedKeys: async (...args) => (await needed()).setAuthorizedKeys(...args),
    provision: async (...args) => (await needed()).provision(...args),
    exec: async (...args) => (await needed()).exec(...args),
    writeFile: async (...args) => (await needed()).writeFile(...args),
    readFile: async (...args) => (await needed()).readFile(...args),
    async *events(signal) {
      await wait(signal);
      yield* (await needed()).events(signal);
    },
    async [Symbol.asyncDispose]() {
      await driver?.[Symbol.asyncDispose]();
    },
  };
}
