import {timestampAt} from '../../api/effects/clock.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {NodeSpec} from '../../api/v1alpha1/node.ts';
import type {WorkspaceStatus} from '../../api/v1alpha1/workspace.ts';
import type {Place} from './cluster.ts';
import type {Copy} from './copies.ts';
import type {Desired} from './desired.ts';
import type {Happening} from './happenings.ts';
import type {Candidate, PlacementRequest} from './schedule.ts';
import type {Sight} from './sight.ts';

export type Migration = NonNullable<WorkspaceStatus['migration']>;

/** What is to become of a workspace whose node is drained. */
export type Movement =
  /** Nobody wants it moved. */
  | {readonly kind: 'Stays'}
  /** It is to go and does not, for a reason that says what is needed. `requeueAfter` in milliseconds. */
  | {
      readonly kind: 'Waits';
      readonly reason: 'CannotMove' | 'MoveQueued' | 'MoveFailed';
      readonly message: string;
      readonly requeueAfter?: number;
    }
  /** There is nothing of it to copy: what is left of it here is closed, and nothing is made. */
  | {readonly kind: 'Leaves'; readonly message: string}
  | {readonly kind: 'Moves'; readonly message: string; readonly requeueAfter?: number}
  /** Status must say this before anything else is done. */
  | {
      readonly kind: 'Changed';
      readonly status: WorkspaceStatus;
      /** What it takes by this. */
      readonly place?: Place;
      readonly happenings: readonly Happening[];
    };

export type MoveOptions = {
  readonly desired: Desired;
  /** Its instance, on the node that its status names. */
  readonly sight: Sight;
  readonly status: WorkspaceStatus;
  /** Of that node, while it is drained. */
  readonly drain: NodeSpec['drain'] | undefined;
  /** On the other node of a move that is under way. */
  readonly other: Sight | undefined;
  /** As this server makes it. */
  readonly copy: Copy | undefined;
  /** Read only when needed. */
  readonly candidates: () => readonly Candidate[];
  /** Whether there is a gateway, so that it can do without an ssh port of its node. */
  readonly gateway: boolean;
  /** Whether one more may begin to move away from its node. */
  readonly hasSlot: () => boolean;
  /** A new id. */
  readonly newTransfer: () => string;
  /** Milliseconds since 1970. */
  readonly now: number;
};

/** What a target is asked for. */
export function moveRequest({spec}: Stored<'Workspace'>, desired: Desired): PlacementRequest {
  return {
    spec,
    size: desired.instance.limits,
    requests: desired.reservation,
    ports: desired.ports,
  };
}

const firstDelay = 60_000;
const longestDelay = 600_000;

/** Status without the move: the source goes on. A failure keeps it there for a while, longer each time. */
export function givenUp(
  status: WorkspaceStatus,
  {source, target}: Migration,
  how: {readonly outcome: 'Failed' | 'Cancelled'; readonly message: string; readonly now: number},
): Movement {
  const {migration: _, lastMove, ...rest} = status;
  const {outcome, message, now} = how;
  const failures = outcome === 'Failed' ? (lastMove?.failures ?? 0) + 1 : 0;
  const delay = Math.min(longestDelay, firstDelay * 2 ** Math.min(failures - 1, 10));
  return {
    kind: 'Changed',
    status: {
      ...rest,
      lastMove: {
        source,
        target,
        outcome,
        message,
        at: timestampAt(now),
        ...(failures > 0 && {failures, nextAttemptAt: timestampAt(now + delay)}),
      },
    },
    happenings: [
      {
        type: outcome === 'Failed' ? 'Warning' : 'Normal',
        reason: outcome === 'Failed' ? 'MoveFailed' : 'MoveCancelled',
        message: `It stays on node ${source} and is not moved to ${target}: ${message}`,
      },
    ],
  };
}
