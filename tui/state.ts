import type {Stored} from '../api/v1alpha1/kinds.ts';
import type {DashboardKind, LogSource} from './source.ts';

export type View = 'workspaces' | 'services' | 'nodes' | 'events';

export type Screen =
  | {readonly type: 'table'; readonly view: View}
  | {readonly type: 'describe'; readonly kind: DashboardKind; readonly name: string}
  | {readonly type: 'logs'; readonly workspace: string; readonly source: LogSource}
  | {readonly type: 'help'};

export type Prompt =
  | {readonly type: 'filter'; readonly text: string}
  | {readonly type: 'command'; readonly text: string}
  | {readonly type: 'confirmDelete'; readonly workspaces: readonly string[]};

export type Notice = {readonly text: string; readonly tone: 'good' | 'bad'};

export type Sort = {readonly column: number; readonly descending: boolean};

type Resources = {readonly [K in DashboardKind]: ReadonlyMap<string, Stored<K>>};

/** All that is on the screen follows from this, the time and the size of the terminal. */
export type State = {
  readonly resources: Resources;
  /** Kinds whose list has arrived: before that, an empty table means "loading". */
  readonly synced: ReadonlySet<DashboardKind>;
  readonly connection: {readonly up: boolean; readonly message?: string};
  /** The last one is shown; Escape goes back along it. */
  readonly screens: readonly [Screen, ...Screen[]];
  readonly filter: string;
  readonly sort: Sort;
  /** Row id, per view so that going back finds it again. */
  readonly selected: Readonly<Partial<Record<View, string>>>;
  readonly marked: ReadonlySet<string>;
  readonly prompt?: Prompt;
  readonly notice?: Notice;
  /** First line of a text screen that is shown; in logs undefined means "follow the end". */
  readonly scroll?: number;
  readonly logLines: readonly string[];
};

/** Lines of a log that are kept; older ones can be read with `nexus logs`. */
export const keptLogLines = 5000;

export const initialState: State = {
  resources: {Workspace: new Map(), Node: new Map(), Event: new Map()},
  synced: new Set(),
  connection: {up: false, message: 'connecting'},
  screens: [{type: 'table', view: 'workspaces'}],
  filter: '',
  sort: {column: 0, descending: false},
  selected: {},
  marked: new Set(),
  logLines: [],
};

export function currentScreen({screens}: State): Screen {
  return screens.at(-1) ?? screens[0];
}
