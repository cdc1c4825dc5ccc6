import type {Proposal, Situation} from './situation.ts';

/** Milliseconds that work which was not saved is kept after its workspace was deleted. */
export const retention = 7 * 86_400_000;

/** Milliseconds between two looks at a deletion that is under way, or that waits for its node. */
const interval = 30_000;

/** Works from every phase: what runs is ended by the node, and a node that is gone for good can be let go of. */
export function planDeletion({desired, sight, now}: Situation): Proposal {
  const isForced = desired.deletion === 'force';
  const remove = {type: 'Delete', mode: isForced ? 'always' : 'ifSaved', retention} as const;
  switch (sight.kind) {
    case 'Unplaced':
      return {release: {outcome: 'Gone'}};
    case 'Quiet':
      return {
        wait: {
          reason: 'NodeQuiet',
          message: 'Its node has not reported yet.',
          requeueAfter: sight.expiresAt - now + 1,
        },
      };
    case 'Unknown': {
      const {node, type} = sight.cause;
      const why = type === 'NodeRemoved' ? 'was removed' : 'does not answer';
      return isForced
        ? {release: {outcome: 'Abandoned', node, why}}
        : {wait: {reason: type, message: `Node ${node} ${why}.`, requeueAfter: interval}};
    }
    case 'Absent': {
      // What is still being made is deleted as soon as it is there, and ports that are open already are closed.
      const {last} = sight;
      const isLeft = last !== undefined && (last.operation !== undefined || last.forwards.length > 0);
      return isLeft
        ? {
            actions: [remove],
            wait: {reason: 'Operation', message: 'It is being removed.', requeueAfter: interval},
          }
        : {release: {outcome: 'Gone'}};
    }
    case 'Present': {
      const {instance} = sight;
      if (instance.operation?.kind === 'Delete') {
        return {wait: {reason: 'Operation', message: 'It is being removed.', requeueAfter: interval}};
      }

      return instance.retired !== undefined && !isForced
        ? {release: {outcome: 'Kept', until: instance.retired.until}}
        : {actions: [remove]};
    }
  }
}
