import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Provider} from '../../api/v1alpha1/workspace.ts';
import type {Driver, DriverInstance} from '../driver.ts';
import type {Entry} from './entry.ts';
import type {InstanceRecord} from './instance-record.ts';
import {emptyRecord, withoutInstance} from './instance-record.ts';
import {describeInstance, fingerprint} from './instance-view.ts';
import type {RecordWriter} from './record-writer.ts';

/** The agent's picture of its instances: what the backend shows, joined with what was declared, told to whoever listens when it changes. */
export type Registry = {
  /** Every uid that is known, also those with nothing but a record. */
  entries(): readonly Entry[];
  find(uid: string): Entry | undefined;
  /** Throws AgentError NotFound when the backend has no such instance. */
  existing(uid: string): Entry & {readonly observed: DriverInstance};
  ensure(uid: string, provider: Provider): Entry;
  /** Forgets the record too, and all that failed: nothing keeps it in anybody's view. */
  remove(entry: Entry): void;
  /** Replaces the record and stores it. */
  record(entry: Entry, record: InstanceRecord): void;
  /** Says that something in the entry changed; listeners hear of it when it shows. */
  changed(entry: Entry): void;
  /** Takes over what a driver's call returned. */
  apply(entry: Entry, observed: DriverInstance | undefined): void;
  /** Asks the backend about one instance. Calls while one is under way share the next. Rejects with DriverError. */
  observe(uid: string): Promise<void>;
  observeAll(driver: Driver): Promise<void>;
  driverOf(provider: Provider): Driver;
  onPublish(listener: (instance: Instance) => void): Disposable;
  /** Called after each observation, whether it changed anything or not. */
  onObserved(listener: (entry: Entry) => void): Disposable;
};

export type RegistryOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly drivers: readonly Driver[];
  readonly records: RecordWriter;
  readonly restored: readonly InstanceRecord[];
};

export function createRegistry({clock, log, drivers, records, restored}: RegistryOptions): Registry {
  const entries = new Map<string, Entry>();
  const published = new Map<string, string>();
  const publishListeners = new Set<(instance: Instance) => void>();
  const observedListeners = new Set<(entry: Entry) => void>();
  /** Counts observations, so that an older one that ends later never replaces a newer one. */
  let sequence = 0;
  let revisions = 0;
  const applied = new Map<string, number>();
  const observing = new Map<string, {next: Promise<void> | undefined; current: Promise<void>}>();

  const tell = (entry: Entry) => {
    const instance = describeInstance(entry);
    for (const listener of publishListeners) {
      listener(instance);
    }
  };

  const changed = (entry: Entry) => {
    if (entries.get(entry.uid) !== entry) {
      return;
    }
    const instance = describeInstance(entry);
    const print = fingerprint(instance);
    if (published.get(entry.uid) === print || (instance.state === 'Missing' && !published.has(entry.uid))) {
      return;
    }
    published.set(entry.uid, print);
    entry.revision = ++revisions;
    tell(entry);
  };

  const take = (entry: Entry, observed: DriverInstance | undefined, at: number) => {
    if ((applied.get(entry.uid) ?? 0) > at) {
      return;
    }
    applied.set(entry.uid, at);
    entry.observed = observed;
    entry.observedAt = clock.now();
    if (observed === undefined) {
      lost(entry);
    } else {
      found(entry, observed);
    }
    for (const listener of observedListeners) {
      listener(entry);
    }
    changed(entry);
  };

  const lost = (entry: Entry) => {
    entry.absentSince ??= clock.now();
    entry.sshReady = false;
    entry.savedRun = undefined;
    const {record} = entry;
    if (
      entry.operation?.kind !== 'Create' &&
      (record.spec ?? record.repository ?? record.services) !== undefined
    ) {
      // What comes under this uid next is another instance: nothing that was seen in this one holds for it.
      entry.record = withoutInstance(record);
      records.save(entry.record);
    }
  };

  const found = (entry: Entry, observed: DriverInstance) => {
    entry.absentSince = undefined;
    if (observed.state === 'Running' && observed.startedAt !== entry.savedRun) {
      entry.savedRun = undefined;
    }
    // By the backend too: it may have run while no agent was here, or before its record was lost.
    if ((observed.hasRun || observed.state !== 'Stopped') && !entry.record.started) {
      entry.record = {...entry.record, started: true};
      records.save(entry.record);
    }
  };

  const ensure = (uid: string, provider: Provider, record = emptyRecord(uid, provider)): Entry => {
    const known = entries.get(uid);
    if (known !== undefined) {
      return known;
    }
    const entry: Entry = {
      uid,
      record,
      observed: undefined,
      observedAt: clock.now(),
      absentSince: clock.now(),
      savedRun: undefined,
      sshReady: false,
      operation: undefined,
      failures: new Map(),
      forwards: [],
      services: [],
      revision: ++revisions,
    };
    entries.set(uid, entry);
    return entry;
  };

  const driverOf = (provider: Provider) => {
    const driver = drivers.find(candidate => candidate.provider === provider);
    if (driver === undefined) {
      throw new AgentError('Unsupported', `this node has no provider ${provider}`);
    }
    return driver;
  };

  /** Where a uid is nobody's yet, a backend that fails does not hide what another one has. */
  const observeNow = async (uid: string) => {
    const known = entries.get(uid);
    const asked = known === undefined ? drivers : [driverOf(known.record.provider)];
    const failures: unknown[] = [];
    for (const driver of asked) {
      const at = ++sequence;
      try {
        // What was never there holds nothing.
        const observed = isAbsent(driver) ? undefined : await driver.observeOne(uid);
        if (observed !== undefined) {
          take(ensure(uid, driver.provider), observed, at);
          return;
        }
      } catch (error) {
        failures.push(error);
        continue;
      }
      const entry = entries.get(uid);
      if (entry !== undefined && entry.record.provider === driver.provider) {
        take(entry, undefined, at);
      }
    }
    if (failures.length > 0) {
      throw failures[0];
    }
  };

  const observe = async (uid: string): Promise<void> => {
    const under = observing.get(uid);
    if (under !== undefined) {
      // The one under way may have looked before what the caller wants to see.
      under.next ??= under.current.catch(() => {}).then(() => observe(uid));
      return under.next;
    }
    const current = observeNow(uid).finally(() => observing.delete(uid));
    observing.set(uid, {current, next: undefined});
    return current;
  };

  for (const record of restored) {
    ensure(record.uid, record.provider, record);
  }

  return {
    entries: () => [...entries.values()],
    find: uid => entries.get(uid),

    existing(uid) {
      const entry = entries.get(uid);
      if (entry?.observed === undefined) {
        throw new AgentError('NotFound', `there is no instance ${uid} on this node`);
      }
      return Object.assign(entry, {observed: entry.observed});
    },

    ensure: (uid, provider) => ensure(uid, provider),

    remove(entry) {
      if (entries.get(entry.uid) !== entry) {
        return;
      }
      entry.observed = undefined;
      entry.failures.clear();
      entries.delete(entry.uid);
      records.remove(entry.uid);
      if (published.delete(entry.uid)) {
        // Whoever removes it does so at the end of an operation, which is then over too.
        tell({...entry, operation: undefined, revision: ++revisions});
      }
      log.info({uid: entry.uid}, 'an instance is gone');
    },

    record(entry, record) {
      entry.record = record;
      if (entries.get(entry.uid) === entry) {
        records.save(record);
      }
    },

    changed,
    apply: (entry, observed) => take(entry, observed, ++sequence),
    observe,

    async observeAll(driver) {
      const at = ++sequence;
      const all = new Map((await driver.observe()).map(observed => [observed.uid, observed]));
      for (const observed of all.values()) {
        take(ensure(observed.uid, driver.provider), observed, at);
      }
      for (const entry of entries.values()) {
        if (entry.record.provider === driver.provider && !all.has(entry.uid)) {
          take(entry, undefined, at);
        }
      }
    },

    driverOf,

    onPublish(listener) {
      publishListeners.add(listener);
      return {[Symbol.dispose]: () => void publishListeners.delete(listener)};
    },

    onObserved(listener) {
      observedListeners.add(listener);
      return {[Symbol.dispose]: () => void observedListeners.delete(listener)};
    },
  };
}

function isAbsent({presence}: Driver): boolean {
  return presence?.present === false;
}
