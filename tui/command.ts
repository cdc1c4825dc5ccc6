import type {LogSource} from './source.ts';
import type {View} from './state.ts';

/** What a key means at the moment. */
export type Command =
  | {readonly type: 'move'; readonly by: number}
  | {readonly type: 'moveTo'; readonly end: 'first' | 'last'}
  | {readonly type: 'open'; readonly view: View}
  | {readonly type: 'describe'}
  | {readonly type: 'logs'}
  | {readonly type: 'shell'}
  | {readonly type: 'start'}
  | {readonly type: 'stop'}
  | {readonly type: 'cordon'}
  | {readonly type: 'askDelete'}
  | {readonly type: 'mark'}
  | {readonly type: 'sort'}
  | {readonly type: 'reverse'}
  | {readonly type: 'follow'}
  | {readonly type: 'help'}
  | {readonly type: 'back'}
  | {readonly type: 'quit'}
  | {readonly type: 'prompt'; readonly prompt: 'filter' | 'command'}
  | {readonly type: 'typed'; readonly text: string}
  | {readonly type: 'erase'}
  | {readonly type: 'submit'}
  | {readonly type: 'cancel'}
  | {readonly type: 'confirm'};

/** What must be done outside of the state. */
export type Effect =
  | {readonly type: 'setRunning'; readonly workspaces: readonly string[]; readonly running: boolean}
  | {readonly type: 'setUnschedulable'; readonly node: string; readonly unschedulable: boolean}
  | {readonly type: 'delete'; readonly workspaces: readonly string[]}
  | {readonly type: 'shell'; readonly workspace: string}
  | {readonly type: 'openLogs'; readonly workspace: string; readonly source: LogSource}
  | {readonly type: 'closeLogs'}
  | {readonly type: 'quit'};
