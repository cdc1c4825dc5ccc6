import type {StoreMark} from './store-mark.ts';

/** What is to be done next for one store to take another one's place. */
export type MovePlan =
  /** Copy all, and go on from there. */
  | {readonly type: 'Copy'; readonly move: string}
  /** All is there, and the source is no longer in use: put the destination into use. */
  | {readonly type: 'Finish'; readonly move: string}
  /** It was moved before, by this command. */
  | {readonly type: 'Done'}
  | {readonly type: 'Refused'; readonly why: string};

export type MoveState = {
  readonly source: StoreMark | undefined;
  readonly destination: StoreMark | undefined;
  /** What the destination holds, for people; undefined when that is nothing. */
  readonly held: string | undefined;
  /** Of a move that begins. */
  readonly fresh: string;
};

/**
 * Pure. A destination is overwritten only if nothing of it is in use anywhere: it is empty, holds part of a move whose source is still in use, or was itself
 * moved to where the source is now.
 */
export function planMove({source, destination, held, fresh}: MoveState): MovePlan {
  if (source?.phase === 'Incoming' || source?.phase === 'Arrived') {
    return refused(`it is itself not complete: what ${source.place} holds is being moved to it`);
  }

  if (source?.phase === 'Moved') {
    if (destination?.move !== source.move) {
      return refused(`it was moved to ${source.place} at ${source.at}: that is the store to move now`);
    }

    return destination.phase === 'Arrived' ? {type: 'Finish', move: source.move} : {type: 'Done'};
  }

  const move = source?.phase === 'Departing' ? source.move : fresh;
  switch (destination?.phase) {
    case 'Incoming':
      return {type: 'Copy', move};
    case 'Arrived':
      return source?.phase === 'Departing' && source.move === destination.move
        ? {type: 'Copy', move}
        : refused(`the destination holds all of ${destination.place}, whose own move is not finished`);
    case 'Moved':
      return source?.cameBy === destination.move
        ? {type: 'Copy', move}
        : refused(`the destination holds a store that was moved to ${destination.place}`);
    default:
      return held === undefined ? {type: 'Copy', move} : refused(`the destination already holds ${held}`);
  }
}

function refused(why: string): MovePlan {
  return {type: 'Refused', why};
}
