import test from 'ava';
import {applyChanges} from '../../tui/apply-changes.ts';
import type {Command} from '../../tui/command.ts';
import type {KeyPress} from '../../tui/key-bindings.ts';
import {interpret} from '../../tui/key-bindings.ts';
import {applyCommand, applyLog, selectedId} from '../../tui/reduce.ts';
import type {State} from '../../tui/state.ts';
import {currentScreen, initialState, keptLogLines} from '../../tui/state.ts';
import {rowsOf} from '../../tui/table.ts';
import {eventAbout, nodeNamed, now, workspaceNamed} from './literals.ts';

const three = applyChanges(initialState, [
  {type: 'connected'},
  {type: 'synced', kind: 'Workspace', items: [workspaceNamed('b'), workspaceNamed('a'), workspaceNamed('c')]},
  {type: 'synced', kind: 'Node', items: [nodeNamed('local')]},
]);

/** Presses keys in turn, as a user would; answers where that leads and all effects on the way. */
function press(state: State, ...keys: (string | KeyPress)[]) {
  const effects: unknown[] = [];
  let current = state;
  for (const key of keys) {
    const command = interpret(current, typeof key === 'string' ? {input: key} : key);
    if (command !== undefined) {
      const step = applyCommand(current, command, now);
      current = step.state;
      effects.push(...step.effects);
    }
  }

  return {state: current, effects};
}

const enter: KeyPress = {input: '', name: 'return'};
const leave: KeyPress = {input: '', name: 'escape'};
const controlD: KeyPress = {input: 'd', ctrl: true};

test('workspaces are sorted by name and the first one is selected', t => {
  t.deepEqual(
    rowsOf(three, 'workspaces', now).map(({id}) => id),
    ['a', 'b', 'c'],
  );
  t.is(selectedId(three, now), 'a');
});

test('moving down selects the next row and stops at the last', t => {
  t.is(selectedId(press(three, 'j').state, now), 'b');
  t.is(selectedId(press(three, 'j', 'j', 'j', 'j').state, now), 'c');
  t.is(selectedId(press(three, 'G', 'k').state, now), 'b');
});

test('the selection stays on a workspace while others come and go', t => {
  const {state} = press(three, 'j');
  const changed = applyChanges(state, [
    {type: 'put', kind: 'Workspace', object: workspaceNamed('aa')},
    {type: 'gone', kind: 'Workspace', name: 'a'},
  ]);
  t.is(selectedId(changed, now), 'b');
});

test('when the selected workspace is gone the first one is selected', t => {
  const {state} = press(three, 'j');
  t.is(selectedId(applyChanges(state, [{type: 'gone', kind: 'Workspace', name: 'b'}]), now), 'a');
});

test('stop and run act on the selected workspace', t => {
  t.deepEqual(press(three, 'j', 'x').effects, [{type: 'setRunning', workspaces: ['b'], running: false}]);
  t.deepEqual(press(three, 'r').effects, [{type: 'setRunning', workspaces: ['a'], running: true}]);
});

test('marked workspaces are acted on together and are then no longer marked', t => {
  const {state, effects} = press(three, ' ', 'j', ' ', 'x');
  t.deepEqual(effects, [{type: 'setRunning', workspaces: ['a', 'b'], running: false}]);
  t.is(state.marked.size, 0);
});

test('delete asks first, and anything but y leaves the workspace alone', t => {
  const asked = press(three, controlD);
  t.deepEqual(asked.state.prompt, {type: 'confirmDelete', workspaces: ['a']});
  t.deepEqual(asked.effects, []);
  const refused = press(asked.state, 'n');
  t.deepEqual(refused.effects, []);
  t.is(refused.state.prompt, undefined);
  t.deepEqual(press(asked.state, 'y').effects, [{type: 'delete', workspaces: ['a']}]);
});

test('the filter narrows the rows as it is typed, Enter keeps it, Escape clears it', t => {
  const typed = press(three, '/', 'b');
  t.deepEqual(
    rowsOf(typed.state, 'workspaces', now).map(({id}) => id),
    ['b'],
  );
  t.is(press(typed.state, enter).state.filter, 'b');
  t.is(press(typed.state, leave).state.filter, '');
  t.is(press(typed.state, {input: '', name: 'backspace'}).state.filter, '');
  t.is(press(typed.state, enter, leave).state.filter, '');
});

test('letters typed into the filter are not commands', t => {
  t.deepEqual(press(three, '/', 'x', 'q', 'y').effects, []);
});

test('Enter describes the selected workspace and Escape comes back to it', t => {
  const described = press(three, 'j', enter);
  t.deepEqual(currentScreen(described.state), {type: 'describe', kind: 'Workspace', name: 'b'});
  const back = press(described.state, leave);
  t.deepEqual(currentScreen(back.state), {type: 'table', view: 'workspaces'});
  t.is(selectedId(back.state, now), 'b');
});

test('logs follow the first service and are closed on the way back', t => {
  const opened = press(three, 'l');
  const source = {type: 'service', name: 'db'} as const;
  t.deepEqual(opened.effects, [{type: 'openLogs', workspace: 'a', source}]);
  t.deepEqual(press(opened.state, leave).effects, [{type: 'closeLogs'}]);
});

test('logs keep a bounded number of lines', t => {
  const lines = Array.from({length: keptLogLines + 10}, (_, index) => `${index}`);
  const state = applyLog(initialState, lines);
  t.is(state.logLines.length, keptLogLines);
  t.is(state.logLines.at(-1), `${keptLogLines + 9}`);
});

test('a number key opens a view, clearing filter and marks', t => {
  const {state} = press(three, ' ', '/', 'a', enter, '3');
  t.deepEqual(currentScreen(state), {type: 'table', view: 'nodes'});
  t.is(state.filter, '');
  t.is(state.marked.size, 0);
});

test('a node is cordoned and uncordoned by the same key', t => {
  t.deepEqual(press(three, '3', 'c').effects, [
    {type: 'setUnschedulable', node: 'local', unschedulable: true},
  ]);
});

test(':ev goes to the events, and a word that is not known says what there is', t => {
  t.deepEqual(currentScreen(press(three, ':', 'e', 'v', enter).state), {type: 'table', view: 'events'});
  t.regex(press(three, ':', 'x', enter).state.notice?.text ?? '', /try ws, svc, no, ev/);
});

test('q and Ctrl-C quit, also from within a prompt', t => {
  t.deepEqual(press(three, 'q').effects, [{type: 'quit'}]);
  t.deepEqual(press(three, '/', {input: 'c', ctrl: true}).effects, [{type: 'quit'}]);
});

test('sorting by the next column and reversing changes the order', t => {
  const {state} = press(three, 'O');
  t.deepEqual(
    rowsOf(state, 'workspaces', now).map(({id}) => id),
    ['c', 'b', 'a'],
  );
  t.is(press(three, 'o').state.sort.column, 1);
});

test('the newest event is shown first', t => {
  const state = applyChanges(initialState, [
    {type: 'put', kind: 'Event', object: eventAbout('a', 'Old', '2026-01-01T00:00:10.000Z')},
    {type: 'put', kind: 'Event', object: eventAbout('a', 'New', '2026-01-01T00:00:50.000Z')},
  ]);
  t.deepEqual(
    rowsOf(state, 'events', now).map(({cells}) => cells[2]?.text),
    ['New', 'Old'],
  );
});

test('a lost connection is kept in the state with its reason, and ends with the next one', t => {
  const lost = applyChanges(three, [{type: 'disconnected', message: 'connection refused'}]);
  t.deepEqual(lost.connection, {up: false, message: 'connection refused'});
  t.deepEqual(applyChanges(lost, [{type: 'connected'}]).connection, {up: true});
});

test('commands on an empty table do nothing', t => {
  const commands: Command[] = [
    {type: 'start'},
    {type: 'stop'},
    {type: 'askDelete'},
    {type: 'describe'},
    {type: 'logs'},
    {type: 'shell'},
    {type: 'mark'},
    {type: 'cordon'},
  ];
  for (const command of commands) {
    const {state, effects} = applyCommand(initialState, command, now);
    t.deepEqual(effects, []);
    t.deepEqual(currentScreen(state), currentScreen(initialState));
  }
});
