import test from 'ava';
import {render} from 'ink-testing-library';
import {createElement} from 'react';
import {registerTsxLoader} from '../../cli/tsx-loader.ts';
import {createDashboard} from '../../tui/dashboard.ts';
import type {Change, DashboardSource} from '../../tui/source.ts';
import {createManualClock} from '../fakes/manual-clock.ts';
import {nodeNamed, now, start, workspaceNamed} from './literals.ts';

registerTsxLoader();
const {App} = await import('../../tui/app.tsx');

/** A server that does what the test says, and remembers what it was asked for. */
function fakeSource(failure?: Error) {
  const asked: string[] = [];
  let push: ((change: Change) => void) | undefined;
  const ask = async (what: string) => {
    asked.push(what);
    if (failure !== undefined) {
      throw failure;
    }
  };
  const source: DashboardSource = {
    server: 'http://nexus.test',
    watch: (onChange, signal) => {
      push = onChange;
      return new Promise(resolve => signal.addEventListener('abort', () => resolve(), {once: true}));
    },
    async *logs(workspace, logSource) {
      asked.push(`logs ${workspace} ${logSource.type}`);
      yield 'first line\nsecond ';
      yield 'line\n';
    },
    setRunning: (name, running) => ask(`${running ? 'start' : 'stop'} ${name}`),
    setUnschedulable: (name, unschedulable) => ask(`${unschedulable ? 'cordon' : 'uncordon'} ${name}`),
    delete: name => ask(`delete ${name}`),
    shell: name => ask(`shell ${name}`),
  };
  return {source, asked, push: (change: Change) => push?.(change)};
}

function open(failure?: Error) {
  const clock = createManualClock(now);
  const {source, asked, push} = fakeSource(failure);
  const dashboard = createDashboard({source, clock, lendTerminal: use => use()});
  const stop = new AbortController();
  const ended = dashboard.run(stop.signal);
  const screen = render(createElement(App, {dashboard, server: source.server, clock, onTerminal() {}}));
  return {
    asked,
    ended,
    screen,
    dashboard,
    async show(...changes: Change[]) {
      for (const change of changes) {
        push(change);
      }

      await clock.advance(100);
    },
    /** Until what Ink draws has caught up with the state. */
    settle: () => clock.settle(),
    [Symbol.dispose]() {
      stop.abort();
      screen.unmount();
    },
  };
}

const running = workspaceNamed('hello', {
  phase: 'Running',
  node: 'local',
  ssh: {host: '127.0.0.1', port: 2222, username: 'dev'},
  services: [{name: 'web', status: 'Healthy', health: 'Healthy', restarts: 0}],
  conditions: [
    {type: 'Ready', status: 'True', reason: 'Ready', message: 'All is well.', lastTransitionTime: start},
  ],
});

const synced: Change[] = [
  {type: 'connected'},
  {type: 'synced', kind: 'Workspace', items: [running]},
  {type: 'synced', kind: 'Node', items: [nodeNamed('local')]},
  {type: 'synced', kind: 'Event', items: []},
];

test.serial('before anything has arrived the dashboard says that it loads', async t => {
  using view = open();
  await view.settle();
  t.regex(view.screen.lastFrame() ?? '', /not connected: connecting/);
  t.regex(view.screen.lastFrame() ?? '', /loading/);
});

test.serial('workspaces appear as the server pushes them', async t => {
  using view = open();
  await view.show(...synced);
  await view.settle();
  const frame = view.screen.lastFrame() ?? '';
  t.regex(frame, /http:\/\/nexus\.test live {2}workspaces/);
  t.regex(frame, /hello +Running +True +1\/1 +local +:2222/);
  await view.show({type: 'gone', kind: 'Workspace', name: 'hello'});
  await view.settle();
  t.regex(view.screen.lastFrame() ?? '', /no workspaces; make one with: nexus apply/);
});

test.serial('a lost connection is said in the header while the old picture stays', async t => {
  using view = open();
  await view.show(...synced, {type: 'disconnected', message: 'connection refused'});
  await view.settle();
  t.regex(view.screen.lastFrame() ?? '', /not connected: connection refused/);
  t.regex(view.screen.lastFrame() ?? '', /hello +Running/);
});

test.serial('the footer tells the keys of each view', async t => {
  using view = open();
  await view.show(...synced);
  for (const [key, hint] of [
    ['1', /⏎ describe {2}l logs {2}s shell {2}r run {2}x stop/],
    ['2', /⏎ describe {2}l logs {2}s shell {2}\/ filter/],
    ['3', /⏎ describe {2}c cordon {2}\/ filter/],
    ['4', /⏎ describe {2}\/ filter/],
  ] as const) {
    view.dashboard.press({input: key});
    await view.settle();
    t.regex(view.screen.lastFrame() ?? '', hint);
  }
});

test.serial('describe shows the conditions, help shows the keys', async t => {
  using view = open();
  await view.show(...synced);
  view.dashboard.press({input: '', name: 'return'});
  await view.settle();
  t.regex(view.screen.lastFrame() ?? '', /Ready: All is well\./);
  view.dashboard.press({input: '?'});
  await view.settle();
  t.regex(view.screen.lastFrame() ?? '', /ctrl\+d +delete \(asks first\)/);
});

test.serial('a return that arrives in one text with what is before it is a key as well', async t => {
  using view = open();
  await view.show(...synced);
  await view.settle();
  view.screen.stdin.write(':');
  await view.settle();
  view.screen.stdin.write('svc\r');
  await view.settle();
  await view.settle();
  t.regex(view.screen.lastFrame() ?? '', /nexus\.test live {2}services/);
});

test.serial('logs are followed line by line', async t => {
  using view = open();
  await view.show(...synced);
  view.dashboard.press({input: 'l'});
  await view.settle();
  t.deepEqual(view.asked, ['logs hello service']);
  t.regex(view.screen.lastFrame() ?? '', /first line\n.*second line/);
});

test.serial('an action reaches the server and its result is said', async t => {
  using view = open();
  await view.show(...synced);
  view.dashboard.press({input: 'x'});
  await view.settle();
  t.deepEqual(view.asked, ['stop hello']);
  t.regex(view.screen.lastFrame() ?? '', /stop hello: asked for/);
});

test.serial('delete asks first; y deletes', async t => {
  using view = open();
  await view.show(...synced);
  view.dashboard.press({input: 'd', ctrl: true});
  await view.settle();
  t.regex(view.screen.lastFrame() ?? '', /Delete hello\?/);
  t.deepEqual(view.asked, []);
  view.dashboard.press({input: 'y'});
  await view.settle();
  t.deepEqual(view.asked, ['delete hello']);
});

test.serial('an action that fails says why, and the dashboard goes on', async t => {
  using view = open(new Error('the server is on fire'));
  await view.show(...synced);
  view.dashboard.press({input: 's'});
  await view.settle();
  t.regex(view.screen.lastFrame() ?? '', /shell in hello: the server is on fire/);
  view.dashboard.press({input: 'r'});
  await view.settle();
  t.regex(view.screen.lastFrame() ?? '', /start hello: the server is on fire/);
});

test.serial('q ends the dashboard', async t => {
  using view = open();
  await view.show(...synced);
  view.dashboard.press({input: 'q'});
  await t.notThrowsAsync(view.ended);
});

test.serial('a thousand workspaces are drawn as one screenful', async t => {
  using view = open();
  const items = Array.from({length: 1000}, (_, index) =>
    workspaceNamed(`w${String(index).padStart(4, '0')}`),
  );
  await view.show({type: 'synced', kind: 'Workspace', items});
  view.dashboard.press({input: 'G'});
  await view.settle();
  const frame = view.screen.lastFrame() ?? '';
  t.true(frame.split('\n').length <= 100);
  t.regex(frame, /w0999/);
  t.notRegex(frame, /w0001/);
});
