import type {MovableStore} from '../../../../api/storage/moving/movable-store.ts';
import type {StoreMark} from '../../../../api/storage/moving/store-mark.ts';
import type {StoreRecord} from '../../../../api/storage/moving/store-record.ts';
import {recordKey} from '../../../../api/storage/moving/store-record.ts';
import {streamOf} from './sample-records.ts';

/** The process that was killed. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

export type FakeStore = MovableStore & {
  /** As a server that uses the store would change it. */
  edit(change: (records: Map<string, StoreRecord>) => void): void;
  /** After so many writes to it the process is killed: before the next one, or just after it without having heard. */
  killAfter(writes: number, heard: boolean): void;
};

/** A store in memory that writes one record at a time, in any of whose writes its process may be killed. */
export function createFakeStore(place: string, initial: readonly StoreRecord[] = []): FakeStore {
  const records = new Map(initial.map(record => [recordKey(record), record]));
  let mark: StoreMark | undefined;
  let epoch = 0;
  let left = Number.POSITIVE_INFINITY;
  let isHeard = true;

  const write = (work: () => void) => {
    left -= 1;
    if (left < 0) {
      if (!isHeard) work();
      throw new Killed();
    }

    work();
  };

  return {
    place,
    edit: change => change(records),
    killAfter(writes, heard) {
      left = writes;
      isHeard = heard;
    },
    mark: async () => mark,
    async setMark(next) {
      write(() => {
        mark = next;
      });
    },
    epoch: async () => epoch,
    async raiseEpoch(value) {
      write(() => {
        epoch = Math.max(epoch, value);
      });
    },
    records: () => streamOf([...records.values()]),
    async receive(given) {
      const seen = new Set<string>();
      for await (const record of given) {
        seen.add(recordKey(record));
        write(() => records.set(recordKey(record), record));
      }

      for (const key of [...records.keys()].filter(each => !seen.has(each))) {
        write(() => records.delete(key));
      }
    },
  };
}
