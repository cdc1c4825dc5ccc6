import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {WorkspaceStatus} from '../../api/v1alpha1/workspace.ts';
import type {Action} from './action.ts';
import type {Copy} from './copies.ts';
import type {Desired} from './desired.ts';
import type {FailureBook} from './failures.ts';
import type {Sight} from './sight.ts';

/** All that a plan is made from. `Present` is what most policies see: the instance as it is now. */
export type Situation = {
  readonly desired: Desired;
  readonly sight: Sight;
  /** As last written. */
  readonly status: WorkspaceStatus;
  readonly book: FailureBook;
  /** Whether what it needs is set aside on its node: else it is not started. */
  readonly hasRoom: boolean;
  /** It has nothing on its node and goes to another: what was opened for it is closed. */
  readonly isLeaving: boolean;
  /** On the other node of a move that is under way. */
  readonly other?: Sight | undefined;
  /** As this server makes it. */
  readonly copy?: Copy;
  /** Milliseconds since 1970. */
  readonly now: number;
};

export type Present = Situation & {readonly instance: Instance; readonly nodeTime: number};

/** Waiting is data: what for, and when to look again though nothing was heard (milliseconds from now). */
export type Wait = {readonly reason: string; readonly message: string; readonly requeueAfter?: number};

export type Proposal = {
  readonly actions?: readonly Action[];
  readonly wait?: Wait;
  /** The instance needs nothing more: let go of a deleted workspace. */
  readonly release?: Release;
};

export type Release =
  | {readonly outcome: 'Gone'}
  | {readonly outcome: 'Kept'; readonly until: string}
  | {readonly outcome: 'Abandoned'; readonly node: string; readonly why: string};
