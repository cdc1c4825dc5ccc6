import type {Storage, WatchEvent, WatchOptions} from '../../api/storage/storage.ts';
import {StorageError} from '../../api/storage/storage-error.ts';
import type {Kind} from '../../api/v1alpha1/kinds.ts';
import type {SeededRandom} from './seeded-random.ts';
import type {SimulatedProcess} from './simulated-process.ts';

/** What may befall a process that uses the store. Each a probability for one call, 0 for never. */
export type StorageFaults = {
  /** It dies just before the write is done. */
  readonly dieBefore: number;
  /** It dies after the write is done, before it is told. */
  readonly dieAfter: number;
  /** The write fails and has not happened. */
  readonly fail: number;
  /** The write fails and has happened. */
  readonly loseAnswer: number;
  /** The watch brings an event late. */
  readonly lag: number;
  /** Milliseconds that a late event comes late, at most. */
  readonly longestLag: number;
  /** The watch ends with Expired at an event, or with a fault. */
  readonly breakWatch: number;
};

export const noStorageFaults: StorageFaults = {
  dieBefore: 0,
  dieAfter: 0,
  fail: 0,
  loseAnswer: 0,
  lag: 0,
  longestLag: 0,
  breakWatch: 0,
};

export type FaultyStorageOptions = {
  readonly storage: Storage;
  readonly process: SimulatedProcess;
  readonly random: SeededRandom;
  /** Asked at each call, so that faults can begin and end. */
  readonly faults: () => StorageFaults;
  readonly trace: (text: string) => void;
  /** Numbers each write of all processes; a world that wants to kill at one certain boundary does so here. */
  readonly onWrite?: (phase: 'before' | 'after', process: SimulatedProcess) => void;
};

/** The store as one simulated process sees it. */
export function createFaultyStorage(options: FaultyStorageOptions): Storage {
  const {storage, process, random, faults, trace, onWrite = () => {}} = options;
  const never = new Promise<never>(() => {});

  const die = (when: string): Promise<never> => {
    trace(`${process.name} dies ${when}`);
    process.kill();
    return never;
  };

  const write = async <T>(what: string, perform: () => Promise<T>): Promise<T> => {
    if (!process.alive) {
      return never;
    }

    const fault = faults();
    onWrite('before', process);
    if (!process.alive) {
      return never;
    }

    if (random.chance(fault.dieBefore)) {
      return die(`before ${what}`);
    }

    if (random.chance(fault.fail)) {
      throw new Error('simulated: the disk failed before the write');
    }

    const result = await process.outside(perform());
    onWrite('after', process);
    if (random.chance(fault.dieAfter)) {
      return die(`after ${what}`);
    }

    if (!process.alive) {
      return never;
    }

    if (random.chance(fault.loseAnswer)) {
      throw new Error('simulated: the answer was lost after the write');
    }

    return result;
  };

  async function* watch<K extends Kind>(kind: K, given: WatchOptions): AsyncIterable<WatchEvent<K>> {
    const signal = AbortSignal.any([given.signal, process.died]);
    for await (const event of storage.watch(kind, {...given, signal})) {
      const {lag, longestLag, breakWatch} = faults();
      if (random.chance(lag)) {
        await process.clock.sleep(random.between(1, longestLag), given.signal).catch(() => {});
      }

      if (random.chance(breakWatch)) {
        trace(`${process.name} loses its watch of ${kind}`);
        throw random.chance(0.5)
          ? new StorageError('Expired', 'simulated: the log was compacted')
          : new Error('simulated: the watch broke');
      }

      yield event;
    }

    if (!process.alive) {
      await never;
    }
  }

  return {
    get: (kind, name) => process.outside(storage.get(kind, name)),
    list: (kind, listOptions) => process.outside(storage.list(kind, listOptions)),
    history: (kind, name) => process.outside(storage.history(kind, name)),
    create: (kind, object, given) =>
      write(`create ${kind} ${object.metadata.name}`, () => storage.create(kind, object, given)),
    update: (kind, object, given) =>
      write(`update ${kind} ${object.metadata.name}`, () => storage.update(kind, object, given)),
    updateStatus: (kind, object, given) =>
      write(`updateStatus ${kind} ${object.metadata.name}`, () => storage.updateStatus(kind, object, given)),
    delete: (kind, name, given) => write(`delete ${kind} ${name}`, () => storage.delete(kind, name, given)),
    beginEpoch: () => write('beginEpoch', () => storage.beginEpoch()),
    ping: () => process.outside(storage.ping()),
    watch,
    async [Symbol.asyncDispose]() {},
  };
}
