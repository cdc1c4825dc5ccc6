import {z} from 'zod';
import {timestamp} from '../../v1alpha1/metadata.ts';

/** What a store says of the latest move between stores that it was part of. Without one it was in none. */
export const storeMark = z.strictObject({
  phase: z
    .enum(['InUse', 'Departing', 'Moved', 'Incoming', 'Arrived'])
    .describe(
      'InUse: it came whole. Departing: it is whole elsewhere, too, and still in use here. Moved: another store is used in its place. Incoming: only part of it is here. Arrived: all of it is here, and its source is still in use.',
    ),
  move: z.string().describe('The move; the same in both stores.'),
  place: z.string().describe('The other store of that move, or the file.'),
  at: timestamp.describe('When the phase began.'),
  cameBy: z.string().optional().describe('The move by which the content came here.'),
});

export type StoreMark = z.infer<typeof storeMark>;

/** A store that no server may use, since another one has, or will have, what is in it. */
export class StoreNotUsable extends Error {
  override readonly name = 'StoreNotUsable';
  readonly phase: StoreMark['phase'];

  constructor(message: string, phase: StoreMark['phase']) {
    super(message);
    this.phase = phase;
  }
}

/** Throws StoreNotUsable unless a server may act on what is in the store. `place` is the store's own. */
export function checkUsable(mark: StoreMark | undefined, place: string): void {
  switch (mark?.phase) {
    case undefined:
    case 'InUse':
    case 'Departing':
      return;
    case 'Moved':
      throw new StoreNotUsable(
        `The store ${place} was moved to ${mark.place} at ${mark.at}, which is used in its place. Start the server with that store; if it is lost for good, nexus store reopen takes this one back.`,
        mark.phase,
      );
    case 'Incoming':
    case 'Arrived':
      throw new StoreNotUsable(
        `The store ${place} is not complete: what ${mark.place} holds is being moved to it, since ${mark.at}. Run the same nexus store command again, which goes on with it.`,
        mark.phase,
      );
  }
}
