import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {decideBeginning} from './move-beginning.ts';
import {decideCopying} from './move-copying.ts';
import {decideSettling} from './move-settling.ts';
import type {Movement, MoveOptions} from './movement.ts';
import {givenUp} from './movement.ts';

/**
 * The next step of a move. All of it is in status: a copy is made under an id that status names first; one write of status gives the workspace to the target,
 * when the copy is complete and its source sealed, stopped and as it was when it was copied; what is left on the source goes when the target is up. Until that
 * write the source is the workspace, whatever happens, and any reason to doubt leaves it there. Pure but for `candidates`, which only reads.
 */
export function decideMove(workspace: Stored<'Workspace'>, options: MoveOptions): Movement {
  const {desired, status, now} = options;
  const {migration, node} = status;
  if (desired.deletion !== 'no') {
    return migration?.phase === 'Copying'
      ? givenUp(status, migration, {outcome: 'Cancelled', message: 'The workspace is being deleted.', now})
      : {kind: 'Stays'};
  }

  if (migration !== undefined) {
    return migration.phase === 'Copying'
      ? decideCopying(workspace, migration, options)
      : decideSettling(migration, options);
  }

  return node === undefined || options.drain === undefined
    ? {kind: 'Stays'}
    : decideBeginning(workspace, node, {...options, drain: options.drain});
}
