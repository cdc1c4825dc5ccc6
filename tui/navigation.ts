import type {Effect} from './command.ts';
import type {Screen, State, View} from './state.ts';
import {currentScreen} from './state.ts';

type Step = {readonly state: State; readonly effects: readonly Effect[]};

const destinations: Readonly<Record<string, View>> = {
  ws: 'workspaces',
  workspace: 'workspaces',
  workspaces: 'workspaces',
  svc: 'services',
  service: 'services',
  services: 'services',
  no: 'nodes',
  node: 'nodes',
  nodes: 'nodes',
  ev: 'events',
  event: 'events',
  events: 'events',
};

/** Puts `screen` on top, so that Escape comes back to where the user was. */
export function openScreen({scroll: _, ...state}: State, screen: Screen): State {
  return {...state, screens: [...state.screens, screen]};
}

/** A view is a place to start from: it clears the trail, the filter and the marks. */
export function openView({scroll: _, ...state}: State, view: View): Step {
  return {
    state: {
      ...state,
      screens: [{type: 'table', view}],
      filter: '',
      marked: new Set(),
      sort: {column: 0, descending: false},
    },
    effects: leaveEffects(state),
  };
}

/** Escape: clears marks, then the filter, then leaves the screen; on the first screen it does nothing more. */
export function goBack(state: State): Step {
  const [first, ...rest] = state.screens;
  if (rest.length > 0) {
    const {scroll: _, ...left} = state;
    return {state: {...left, screens: [first, ...rest.slice(0, -1)]}, effects: leaveEffects(state)};
  }

  return {state: state.marked.size > 0 ? {...state, marked: new Set()} : {...state, filter: ''}, effects: []};
}

/** Enter in a prompt: keeps the filter, or goes where the command says. */
export function submitPrompt(before: State): Step {
  const {prompt, ...state} = before;
  if (prompt?.type !== 'command') {
    return {state, effects: []};
  }

  const word = prompt.text.trim().toLowerCase();
  const view = destinations[word];
  if (view !== undefined) {
    return openView(state, view);
  }

  switch (word) {
    case '':
      return {state, effects: []};
    case 'q':
    case 'quit':
      return {state, effects: [{type: 'quit'}]};
    case 'help':
      return {state: openScreen(state, {type: 'help'}), effects: []};
    default:
      return {
        state: {
          ...state,
          notice: {tone: 'bad', text: `There is no "${word}" here: try ws, svc, no, ev, help or q`},
        },
        effects: [],
      };
  }
}

function leaveEffects(state: State): Effect[] {
  return currentScreen(state).type === 'logs' ? [{type: 'closeLogs'}] : [];
}
