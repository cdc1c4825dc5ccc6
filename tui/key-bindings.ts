import type {Command} from './command.ts';
import type {State} from './state.ts';
import {currentScreen} from './state.ts';

/** A key press as Ink reports it, less what is not used. */
export type KeyPress = {
  readonly input: string;
  readonly name?:
    | 'up'
    | 'down'
    | 'pageUp'
    | 'pageDown'
    | 'home'
    | 'end'
    | 'return'
    | 'escape'
    | 'backspace'
    | 'tab'
    | undefined;
  readonly ctrl?: boolean;
};

type Place = 'table' | 'workspaces' | 'services' | 'nodes' | 'text' | 'logs' | 'anywhere';

type Binding = {
  /** As shown in the help and matched: a character, `ctrl+x`, or the name of a key. */
  readonly keys: readonly string[];
  readonly places: readonly Place[];
  readonly command: Command;
  readonly help: string;
};

/** The one table of keys: what is pressed is looked up here, and the help screen is made from it. The first match wins. */
export const bindings: readonly Binding[] = [
  {keys: ['up', 'k'], places: ['table', 'text'], command: {type: 'move', by: -1}, help: 'up'},
  {keys: ['down', 'j'], places: ['table', 'text'], command: {type: 'move', by: 1}, help: 'down'},
  {
    keys: ['pageUp', 'ctrl+b'],
    places: ['table', 'text'],
    command: {type: 'move', by: -20},
    help: 'a page up',
  },
  {
    keys: ['pageDown', 'ctrl+f'],
    places: ['table', 'text'],
    command: {type: 'move', by: 20},
    help: 'a page down',
  },
  {
    keys: ['home', 'g'],
    places: ['table', 'text'],
    command: {type: 'moveTo', end: 'first'},
    help: 'to the first line',
  },
  {
    keys: ['end', 'G'],
    places: ['table', 'text'],
    command: {type: 'moveTo', end: 'last'},
    help: 'to the last line',
  },
  {
    keys: ['return', 'd'],
    places: ['table'],
    command: {type: 'describe'},
    help: 'describe: conditions, services, events',
  },
  {keys: ['l'], places: ['workspaces', 'services'], command: {type: 'logs'}, help: 'follow the logs'},
  {keys: ['s'], places: ['workspaces', 'services'], command: {type: 'shell'}, help: 'shell in the workspace'},
  {keys: ['r'], places: ['workspaces'], command: {type: 'start'}, help: 'run (start)'},
  {keys: ['x'], places: ['workspaces'], command: {type: 'stop'}, help: 'stop'},
  {keys: ['ctrl+d'], places: ['workspaces'], command: {type: 'askDelete'}, help: 'delete (asks first)'},
  {
    keys: [' '],
    places: ['workspaces'],
    command: {type: 'mark'},
    help: 'mark; run, stop and delete act on all marked',
  },
  {keys: ['c'], places: ['nodes'], command: {type: 'cordon'}, help: 'cordon or uncordon'},
  {keys: ['o'], places: ['table'], command: {type: 'sort'}, help: 'sort by the next column'},
  {keys: ['O'], places: ['table'], command: {type: 'reverse'}, help: 'reverse the order'},
  {keys: ['f'], places: ['logs'], command: {type: 'follow'}, help: 'follow the end again'},
  {keys: ['1'], places: ['anywhere'], command: {type: 'open', view: 'workspaces'}, help: 'workspaces'},
  {keys: ['2'], places: ['anywhere'], command: {type: 'open', view: 'services'}, help: 'services'},
  {keys: ['3'], places: ['anywhere'], command: {type: 'open', view: 'nodes'}, help: 'nodes'},
  {keys: ['4'], places: ['anywhere'], command: {type: 'open', view: 'events'}, help: 'events'},
  {keys: ['/'], places: ['table'], command: {type: 'prompt', prompt: 'filter'}, help: 'filter'},
  {
    keys: [':'],
    places: ['anywhere'],
    command: {type: 'prompt', prompt: 'command'},
    help: 'go to: ws, svc, no, ev, help, q',
  },
  {keys: ['?', 'h'], places: ['anywhere'], command: {type: 'help'}, help: 'this help'},
  {keys: ['escape'], places: ['anywhere'], command: {type: 'back'}, help: 'back; clears filter and marks'},
  {keys: ['q', 'ctrl+c'], places: ['anywhere'], command: {type: 'quit'}, help: 'quit'},
];

/** What this key means in this state; undefined when it means nothing. */
export function interpret(state: State, press: KeyPress): Command | undefined {
  const key = press.name ?? (press.ctrl === true ? `ctrl+${press.input}` : press.input);
  if (state.prompt !== undefined) {
    return interpretInPrompt(state.prompt.type === 'confirmDelete', key, press);
  }

  const here = placesOf(state);
  return bindings.find(({keys, places}) => keys.includes(key) && places.some(place => here.includes(place)))
    ?.command;
}

function interpretInPrompt(isQuestion: boolean, key: string, press: KeyPress): Command | undefined {
  if (key === 'ctrl+c') {
    return {type: 'quit'};
  }

  if (isQuestion) {
    return key === 'y' ? {type: 'confirm'} : {type: 'cancel'};
  }

  switch (key) {
    case 'escape':
      return {type: 'cancel'};
    case 'return':
      return {type: 'submit'};
    case 'backspace':
      return {type: 'erase'};
    default:
      return press.name === undefined && press.ctrl !== true && press.input !== ''
        ? {type: 'typed', text: press.input}
        : undefined;
  }
}

function placesOf(state: State): Place[] {
  const screen = currentScreen(state);
  switch (screen.type) {
    case 'table':
      return screen.view === 'events' ? ['table', 'anywhere'] : ['table', screen.view, 'anywhere'];
    case 'logs':
      return ['text', 'logs', 'anywhere'];
    case 'describe':
    case 'help':
      return ['text', 'anywhere'];
  }
}
