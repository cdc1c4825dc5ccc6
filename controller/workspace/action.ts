import type {
  Forward,
  InstanceSpec,
  OperationKind,
  RepositorySpec,
} from '../../api/agent/v1alpha1/instance.ts';
import type {Service} from '../../api/v1alpha1/service.ts';
import type {Provider} from '../../api/v1alpha1/workspace.ts';

/** One thing to ask of a node now. All are idempotent; long ones are only begun, and their end is observed. */
export type Action =
  | {readonly type: 'Create'; readonly spec: InstanceSpec}
  | {readonly type: 'Start'}
  /** Ends a running operation when forced. `timeout` in milliseconds. */
  | {readonly type: 'Stop'; readonly force: boolean; readonly timeout: number}
  | {readonly type: 'Unfreeze'}
  | {readonly type: 'Rename'}
  /** Takes back what was kept of an earlier deletion. */
  | {readonly type: 'Restore'}
  /** `retention` in milliseconds: how long unsaved work is kept. */
  | {readonly type: 'Delete'; readonly mode: 'ifSaved' | 'always'; readonly retention: number}
  /** Begins to copy it to another node, where it is no instance before it is accepted. `attempt` counts those of one move. */
  | {
      readonly type: 'Copy';
      readonly provider: Provider;
      /** Of the copy. What it is made of comes from another node, which does not decide what it may take of this one. */
      readonly limits: InstanceSpec['limits'];
      readonly target: string;
      readonly transfer: string;
      readonly attempt: number;
    }
  /** Breaks the seal of a move that was given up. */
  | {readonly type: 'Keep'; readonly transfer: string}
  | {readonly type: 'Accept'; readonly transfer: string}
  /** Removes what is left on another node that it has moved away from. */
  | {
      readonly type: 'Leave';
      readonly node: string;
      readonly mode: 'ifSaved' | 'always';
      readonly retention: number;
    }
  | {readonly type: 'SetLimits'; readonly limits: InstanceSpec['limits']}
  | {readonly type: 'SetAuthorizedKeys'; readonly keys: readonly string[]}
  | {readonly type: 'SetForwards'; readonly forwards: readonly Forward[]}
  | {readonly type: 'Clone'; readonly repository: RepositorySpec}
  | {readonly type: 'Fetch'; readonly repository: RepositorySpec}
  | {
      readonly type: 'Setup';
      readonly hash: string;
      readonly commands: readonly string[];
      readonly directory: string;
      readonly env: Readonly<Record<string, string>>;
      readonly timeout: number;
    }
  | {
      readonly type: 'ApplyServices';
      readonly hash: string;
      readonly directory: string;
      readonly env: Readonly<Record<string, string>>;
      readonly services: readonly Service[];
    };

export type ActionType = Action['type'];

/** What must not be done by what the store said a moment ago: it is asked once more just before. */
export const needsFreshSight: ReadonlySet<ActionType> = new Set<ActionType>(['Keep', 'Leave']);

/** What a node calls the operation that an action begins, in `operation` and `lastError`. */
export const operationOf: Readonly<Record<ActionType, OperationKind>> = {
  Create: 'Create',
  Start: 'Start',
  Stop: 'Stop',
  Unfreeze: 'Unfreeze',
  Rename: 'Rename',
  Restore: 'Configure',
  Delete: 'Delete',
  Copy: 'Export',
  Keep: 'Configure',
  Accept: 'Configure',
  Leave: 'Delete',
  SetLimits: 'Configure',
  SetAuthorizedKeys: 'Configure',
  SetForwards: 'Configure',
  Clone: 'Clone',
  Fetch: 'Fetch',
  Setup: 'Setup',
  ApplyServices: 'Configure',
};
