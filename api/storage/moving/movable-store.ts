import type {StoreMark} from './store-mark.ts';
import type {StoreRecord} from './store-record.ts';

/**
 * A store as a whole, to be moved into another. Nothing else may write to it meanwhile (its lock or lease is the caller's to hold), but for what is said of
 * {@link MovableStore.records}.
 */
export type MovableStore = {
  /** Where it is, for people. */
  readonly place: string;
  mark(): Promise<StoreMark | undefined>;
  /** Durable before it resolves. */
  setMark(mark: StoreMark): Promise<void>;
  /** The highest epoch that it gave out. */
  epoch(): Promise<number>;
  /** Never gives out that epoch, or a lower one, from now on. */
  raiseEpoch(epoch: number): Promise<void>;
  /** Everything as it was at one moment, whoever writes; tombstones first. Throws StorageError `Expired` when that takes too long. */
  records(signal: AbortSignal): AsyncIterable<StoreRecord>;
  /**
   * Makes the store hold exactly this, whatever it held: uids, generations, times and states of deletion as they are. Reads `records` as fast as it
   * writes. When it is interrupted the store holds some of both; it is done again. Throws what `records` throws.
   */
  receive(records: AsyncIterable<StoreRecord>, signal: AbortSignal): Promise<void>;
};

/** How many there are of each kind, with the last states of what is gone under `tombstone`. */
export type RecordCounts = Readonly<Record<string, number>>;

/** Takes note of what goes by. */
export async function* counting(
  records: AsyncIterable<StoreRecord>,
  note: (record: StoreRecord) => void,
): AsyncGenerator<StoreRecord, void, undefined> {
  for await (const record of records) {
    note(record);
    yield record;
  }
}

export function countRecord(counts: RecordCounts, {type, object}: StoreRecord): RecordCounts {
  const key = type === 'tombstone' ? type : object.kind;
  return {...counts, [key]: (counts[key] ?? 0) + 1};
}

/** Such as `2 Workspaces, 1 Node, 40 Events`; `nothing`. */
export function describeCounts(counts: RecordCounts): string {
  const order = ['Workspace', 'Node', 'User', 'Token', 'Credential', 'Event', 'tombstone'];
  const parts = order.flatMap(key => {
    const count = counts[key] ?? 0;
    const noun = key === 'tombstone' ? 'deleted object' : key;
    return count === 0 ? [] : [`${count} ${noun}${count === 1 ? '' : 's'}`];
  });
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}
