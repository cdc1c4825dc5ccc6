import type {Clock} from '../../effects/clock.ts';
import {timestampAt} from '../../effects/clock.ts';
import type {MovableStore, RecordCounts} from './movable-store.ts';
import {counting, countRecord, describeCounts} from './movable-store.ts';
import {MoveRefused} from './move-store.ts';
import type {StoreFile} from './store-file.ts';

/**
 * Makes `destination`, which must be empty or hold part of an import or a move, hold what is in the file, and be in use. Interrupted, or given a file that turns
 * out not to be whole, it leaves a store that no server uses, and can be called again. Throws MoveRefused, and StoreFileInvalid.
 */
export async function importStore({
  file,
  place,
  destination,
  clock,
  signal,
  onRecord,
}: {
  file: StoreFile;
  /** Of the file, for people. */
  place: string;
  destination: MovableStore;
  clock: Clock;
  signal: AbortSignal;
  onRecord: (counts: RecordCounts) => void;
}): Promise<RecordCounts> {
  const {id: move, epoch} = file.header;
  await checkImport(destination, signal);

  const mark = (phase: 'Incoming' | 'InUse') =>
    destination.setMark({phase, move, place, at: timestampAt(clock.now()), cameBy: move});
  await mark('Incoming');
  let counts: RecordCounts = {};
  await destination.receive(
    counting(file.records, record => {
      counts = countRecord(counts, record);
      onRecord(counts);
    }),
    signal,
  );
  await destination.raiseEpoch(epoch);
  signal.throwIfAborted();
  await mark('InUse');
  return counts;
}

/** Throws MoveRefused if {@link importStore} would, and writes nothing. */
export async function checkImport(destination: MovableStore, signal: AbortSignal): Promise<void> {
  const found = await destination.mark();
  if (found?.phase !== 'Incoming') {
    const held = await contentOf(destination, signal);
    if (held !== 'nothing' || found?.phase === 'Arrived' || found?.phase === 'Moved') {
      throw new MoveRefused(`${destination.place} is not empty: it holds ${held}`);
    }
  }
}

async function contentOf(store: MovableStore, signal: AbortSignal): Promise<string> {
  let counts: RecordCounts = {};
  for await (const record of store.records(signal)) {
    counts = countRecord(counts, record);
  }

  return describeCounts(counts);
}
