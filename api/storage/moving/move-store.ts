import type {Clock} from '../../effects/clock.ts';
import {timestampAt} from '../../effects/clock.ts';
import type {Random} from '../../effects/random.ts';
import type {MovableStore, RecordCounts} from './movable-store.ts';
import {counting, countRecord, describeCounts} from './movable-store.ts';
import type {MovePlan} from './plan-move.ts';
import {planMove} from './plan-move.ts';
import type {StoreMark} from './store-mark.ts';
import type {StoreRecord} from './store-record.ts';
import {recordDigest} from './store-record.ts';

export type MoveStep =
  | {readonly type: 'Copying'; readonly copied: RecordCounts}
  /** Somebody wrote to the source meanwhile: it is copied once more. */
  | {readonly type: 'Again'}
  /** All is there: now the destination takes the source's place. */
  | {readonly type: 'Switching'};

export type MoveOptions = {
  readonly source: MovableStore;
  readonly destination: MovableStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly onStep?: (step: MoveStep) => void;
};

export type Moved = {
  /** What the destination holds now. */
  readonly counts: RecordCounts;
  /** Nothing had to be done: it was moved before. */
  readonly already: boolean;
};

/** Why one store can't take another's place; nothing was changed. */
export class MoveRefused extends Error {
  override readonly name = 'MoveRefused';
}

/** A source that others never stop writing to is not followed for ever. */
const maximumPasses = 5;

/**
 * Makes `destination` hold what `source` holds, and be used in its place. Interrupted anywhere it is called again, and ends the same. Until all is copied and
 * proven to be, the source is whole and in use; at no moment are both in use, and only between the last two writes is neither. Throws MoveRefused.
 */
export async function moveStore(options: MoveOptions): Promise<Moved> {
  const {source, destination, clock, signal, onStep = () => {}} = options;
  const {plan, from, held} = await checkMove(options);
  if (plan.type === 'Done') {
    return {counts: held.counts, already: true};
  }

  const {move} = plan;
  const came = from?.cameBy === undefined ? {} : {cameBy: from.cameBy};
  const at = () => timestampAt(clock.now());
  const markSource = (phase: StoreMark['phase']) =>
    source.setMark({phase, move, place: destination.place, at: at(), ...came});
  const markDestination = (phase: StoreMark['phase']) =>
    destination.setMark({phase, move, place: source.place, at: at(), cameBy: move});
  let counts = held.counts;
  if (plan.type === 'Copy') {
    await markDestination('Incoming');
    counts = await copyAll({source, destination, signal, onStep});
    onStep({type: 'Switching'});
    await markSource('Departing');
    await destination.raiseEpoch(await source.epoch());
    signal.throwIfAborted();
    await markDestination('Arrived');
    await markSource('Moved');
  }

  await markDestination('InUse');
  return {counts, already: false};
}

/** Throws MoveRefused if {@link moveStore} would, and writes nothing. */
export async function checkMove({
  source,
  destination,
  random,
  signal,
}: Pick<MoveOptions, 'source' | 'destination' | 'random' | 'signal'>): Promise<{
  plan: Exclude<MovePlan, {type: 'Refused'}>;
  from: StoreMark | undefined;
  held: Content;
}> {
  const from = await source.mark();
  const held = await contentOf(destination, signal);
  const plan = planMove({
    source: from,
    destination: await destination.mark(),
    held: held.size === 0 ? undefined : describeCounts(held.counts),
    fresh: random.uuid(),
  });
  if (plan.type === 'Refused') {
    throw new MoveRefused(`${source.place} can't be moved to ${destination.place}: ${plan.why}`);
  }

  return {plan, from, held};
}

/** Until the source is what was copied: a store in a cluster may be written to by others, whatever lock is held. */
async function copyAll({
  source,
  destination,
  signal,
  onStep,
}: Pick<MoveOptions, 'source' | 'destination' | 'signal'> & {
  onStep: (step: MoveStep) => void;
}): Promise<RecordCounts> {
  for (let pass = 1; ; pass += 1) {
    const copied = createContent();
    await destination.receive(
      counting(source.records(signal), record => {
        copied.add(record);
        onStep({type: 'Copying', copied: copied.counts});
      }),
      signal,
    );
    const present = await contentOf(source, signal);
    if (present.digest === copied.digest) {
      const arrived = await contentOf(destination, signal);
      if (arrived.digest !== copied.digest) {
        throw new Error(
          `${destination.place} does not give back what was written to it: ${describeCounts(copied.counts)} were, ${describeCounts(arrived.counts)} are there`,
        );
      }

      return copied.counts;
    }

    if (pass === maximumPasses) {
      throw new Error(`${source.place} is written to all the time: stop what does that, and run this again`);
    }

    onStep({type: 'Again'});
  }
}

type Content = {readonly counts: RecordCounts; readonly size: number; readonly digest: string};

async function contentOf(store: MovableStore, signal: AbortSignal): Promise<Content> {
  const content = createContent();
  for await (const record of store.records(signal)) {
    content.add(record);
  }

  return content;
}

/** What went by, to be compared: the sum of the digests of all, so that their order does not count. */
function createContent(): Content & {add(record: StoreRecord): void} {
  let counts: RecordCounts = {};
  let size = 0;
  let sum = 0n;
  return {
    add(record) {
      counts = countRecord(counts, record);
      size += 1;
      sum = (sum + BigInt(`0x${recordDigest(record)}`)) % 2n ** 256n;
    },
    get counts() {
      return counts;
    },
    get size() {
      return size;
    },
    get digest() {
      return `${size} ${sum.toString(16)}`;
    },
  };
}
