import type {Command, Effect} from './command.ts';
import {goBack, openScreen, openView, submitPrompt} from './navigation.ts';
import type {Notice, State} from './state.ts';
import {currentScreen, keptLogLines} from './state.ts';
import {columnsOf, rowsOf} from './table.ts';

export type Step = {readonly state: State; readonly effects: readonly Effect[]};

export function applyLog(state: State, lines: readonly string[]): State {
  return {...state, logLines: [...state.logLines, ...lines].slice(-keptLogLines)};
}

export function applyNotice(state: State, notice: Notice): State {
  return {...state, notice};
}

/** Carries out a command of the user. `now` decides the order of rows that are sorted by age. */
export function applyCommand(before: State, command: Command, now: number): Step {
  const {notice: _, ...state} = before;
  const step = (next: State, ...effects: Effect[]): Step => ({state: next, effects});
  const targets = selectedWorkspaces(state, now);
  switch (command.type) {
    case 'move':
    case 'moveTo':
      return step(move(state, command, now));
    case 'open':
      return openView(state, command.view);
    case 'help':
      return step(currentScreen(state).type === 'help' ? state : openScreen(state, {type: 'help'}));
    case 'describe':
      return step(describe(state, now));
    case 'logs':
      return openLogs(state, now);
    case 'shell':
      return targets[0] === undefined ? step(state) : step(state, {type: 'shell', workspace: targets[0]});
    case 'start':
    case 'stop':
      return targets.length === 0
        ? step(state)
        : step(
            {...state, marked: new Set()},
            {type: 'setRunning', workspaces: targets, running: command.type === 'start'},
          );
    case 'cordon':
      return cordon(state);
    case 'askDelete':
      return step(
        targets.length === 0 ? state : {...state, prompt: {type: 'confirmDelete', workspaces: targets}},
      );
    case 'confirm':
      return confirm(state);
    case 'mark':
      return step(toggleMark(state));
    case 'sort':
      return step(sortByNext(state));
    case 'reverse':
      return step({...state, sort: {...state.sort, descending: !state.sort.descending}});
    case 'follow':
      return step(withScroll(state, undefined));
    case 'back':
      return goBack(state);
    case 'quit':
      return step(state, {type: 'quit'});
    case 'prompt':
      return step({
        ...state,
        prompt: {type: command.prompt, text: command.prompt === 'filter' ? state.filter : ''},
      });
    case 'typed':
    case 'erase':
      return step(edit(state, command));
    case 'submit':
      return submitPrompt(state);
    case 'cancel':
      return step({...withoutPrompt(state), filter: state.prompt?.type === 'filter' ? '' : state.filter});
  }
}

function withoutPrompt({prompt: _, ...state}: State): State {
  return state;
}

function withScroll({scroll: _, ...state}: State, scroll: number | undefined): State {
  return scroll === undefined ? state : {...state, scroll};
}

/** Marked ones, else the selected one. */
function selectedWorkspaces(state: State, now: number): string[] {
  const screen = currentScreen(state);
  if (screen.type !== 'table' || (screen.view !== 'workspaces' && screen.view !== 'services')) {
    return [];
  }

  if (screen.view === 'workspaces' && state.marked.size > 0) {
    return [...state.marked];
  }

  const id = selectedId(state, now);
  return id === undefined ? [] : [id.split('/')[0] ?? id];
}

/** The selected row, or the first one when the selected row is no longer there. */
export function selectedId(state: State, now: number): string | undefined {
  const screen = currentScreen(state);
  if (screen.type !== 'table') {
    return undefined;
  }

  const rows = rowsOf(state, screen.view, now);
  const wanted = state.selected[screen.view];
  return rows.find(({id}) => id === wanted)?.id ?? rows[0]?.id;
}

function move(state: State, command: Extract<Command, {type: 'move' | 'moveTo'}>, now: number): State {
  const screen = currentScreen(state);
  if (screen.type !== 'table') {
    const last = screen.type === 'logs' ? state.logLines.length : Number.MAX_SAFE_INTEGER;
    const from = state.scroll ?? (screen.type === 'logs' ? last : 0);
    const target = command.type === 'move' ? from + command.by : command.end === 'first' ? 0 : last;
    return withScroll(state, screen.type === 'logs' && target >= last ? undefined : Math.max(0, target));
  }

  const rows = rowsOf(state, screen.view, now);
  const index = rows.findIndex(({id}) => id === selectedId(state, now));
  const target = command.type === 'move' ? index + command.by : command.end === 'first' ? 0 : rows.length - 1;
  const row = rows[Math.min(rows.length - 1, Math.max(0, target))];
  return row === undefined ? state : {...state, selected: {...state.selected, [screen.view]: row.id}};
}

function describe(state: State, now: number): State {
  const screen = currentScreen(state);
  const id = selectedId(state, now);
  if (screen.type !== 'table' || id === undefined) {
    return state;
  }

  switch (screen.view) {
    case 'workspaces':
    case 'services':
      return openScreen(state, {type: 'describe', kind: 'Workspace', name: id.split('/')[0] ?? id});
    case 'nodes':
      return openScreen(state, {type: 'describe', kind: 'Node', name: id});
    case 'events':
      return openScreen(state, {type: 'describe', kind: 'Event', name: id});
  }
}

function openLogs(state: State, now: number): Step {
  const [workspace, service] = selectedId(state, now)?.split('/') ?? [];
  if (workspace === undefined) {
    return {state, effects: []};
  }

  const name = service ?? state.resources.Workspace.get(workspace)?.spec.services[0]?.name;
  const source = name === undefined ? ({type: 'setup'} as const) : ({type: 'service', name} as const);
  return {
    state: {...openScreen(state, {type: 'logs', workspace, source}), logLines: []},
    effects: [{type: 'openLogs', workspace, source}],
  };
}

function cordon(state: State): Step {
  const name = state.selected.nodes ?? [...state.resources.Node.keys()][0];
  const node = name === undefined ? undefined : state.resources.Node.get(name);
  return node === undefined
    ? {state, effects: []}
    : {
        state,
        effects: [
          {type: 'setUnschedulable', node: node.metadata.name, unschedulable: !node.spec.unschedulable},
        ],
      };
}

function confirm(state: State): Step {
  if (state.prompt?.type !== 'confirmDelete') {
    return {state, effects: []};
  }

  const {workspaces} = state.prompt;
  return {state: {...withoutPrompt(state), marked: new Set()}, effects: [{type: 'delete', workspaces}]};
}

function toggleMark(state: State): State {
  const id = state.selected.workspaces ?? [...state.resources.Workspace.keys()].sort()[0];
  if (id === undefined) {
    return state;
  }

  const marked = new Set(state.marked);
  if (!marked.delete(id)) {
    marked.add(id);
  }

  return {...state, marked};
}

function sortByNext(state: State): State {
  const screen = currentScreen(state);
  return screen.type === 'table'
    ? {...state, sort: {column: (state.sort.column + 1) % columnsOf[screen.view].length, descending: false}}
    : state;
}

function edit(state: State, command: Extract<Command, {type: 'typed' | 'erase'}>): State {
  if (state.prompt === undefined || state.prompt.type === 'confirmDelete') {
    return state;
  }

  const text = command.type === 'typed' ? state.prompt.text + command.text : state.prompt.text.slice(0, -1);
  const prompt = {...state.prompt, text};
  return prompt.type === 'filter' ? {...state, prompt, filter: text} : {...state, prompt};
}
