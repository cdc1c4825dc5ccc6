import {timestampAt} from '../../api/effects/clock.ts';
import type {Migration, Movement, MoveOptions} from './movement.ts';
import {givenUp} from './movement.ts';
import {allocatePorts} from './ports.ts';

/** The target is the workspace: until nothing is left on the source, which is there to go back to for as long as the target has not come up. */
export function decideSettling(migration: Migration, options: MoveOptions): Movement {
  const {sight, other, status, now} = options;
  const {source, target} = migration;
  const isOver =
    other?.kind === 'Absent'
      ? other.last?.operation === undefined
      : other?.kind === 'Present'
        ? other.instance.retired !== undefined
        : other?.kind === 'Unknown' && other.cause.type === 'NodeRemoved';
  const isThere = sight.kind === 'Present' && sight.instance.incoming === undefined;
  if (isOver && (isThere || sight.kind === 'Absent')) {
    const {migration: _, ...rest} = status;
    const message = `It has been moved from node ${source} to node ${target}.`;
    return {
      kind: 'Changed',
      status: {...rest, lastMove: {source, target, outcome: 'Moved', message, at: timestampAt(now)}},
      happenings: [
        {type: 'Normal', reason: 'MoveFinished', message: `Nothing of it is left on node ${source}.`},
      ],
    };
  }

  const isLost = sight.kind === 'Absent' && sight.last?.operation === undefined;
  if (isLost && other?.kind === 'Present' && other.instance.operation === undefined) {
    return goBack(migration, options);
  }

  return {
    kind: 'Moves',
    message: isThere
      ? `It is on node ${target}. What is left on node ${source} is removed when it is up here${other?.kind === 'Present' ? '' : ` and ${source} answers`}.`
      : `It is moved from node ${source} to node ${target}, where it begins.`,
  };
}

/** The copy is gone from the target before its source was removed: the source is the workspace again. */
function goBack(migration: Migration, {desired, status, candidates, now}: MoveOptions): Movement {
  const {source, target} = migration;
  const candidate = candidates().find(({node}) => node.metadata.name === source);
  if (candidate?.facts === undefined) {
    return {kind: 'Moves', message: `It is gone from node ${target}, and node ${source} does not answer.`};
  }

  const {ports} = allocatePorts(desired.ports, {
    previous: [],
    taken: candidate.takenPorts(),
    unusable: new Set(),
  });
  const back = {...status, node: source, ports: [...ports]};
  const given = givenUp(back, migration, {
    outcome: 'Failed',
    message: `It is gone from node ${target}.`,
    now,
  });
  return {
    ...given,
    ...(given.kind === 'Changed' && {place: {node: source, ports, reserved: desired.reservation}}),
  };
}
