import type {Key} from 'ink';
import {useApp, useInput, useWindowSize} from 'ink';
import type {ReactElement} from 'react';
import {useEffect, useState, useSyncExternalStore} from 'react';
import type {Clock} from '../api/effects/clock.ts';
import type {Dashboard} from './dashboard.ts';
import {describe} from './describe.ts';
import type {KeyPress} from './key-bindings.ts';
import {Frame, frameRows} from './screens/frame.tsx';
import {helpLines} from './screens/help.ts';
import {TableScreen} from './screens/table-screen.tsx';
import {TextScreen} from './screens/text-screen.tsx';
import {currentScreen} from './state.ts';

type Props = {
  readonly dashboard: Dashboard;
  readonly server: string;
  readonly clock: Clock;
  /** Gives the dashboard the means to lend out the terminal, once Ink has it. */
  readonly onTerminal: (lend: (use: () => Promise<void>) => Promise<void>) => void;
};

export function App({dashboard, server, clock, onTerminal}: Props): ReactElement {
  const state = useSyncExternalStore(
    listener => {
      const subscription = dashboard.subscribe(listener);
      return () => subscription[Symbol.dispose]();
    },
    () => dashboard.state(),
  );
  const {columns, rows} = useWindowSize();
  const now = useNow(clock);
  const {suspendTerminal} = useApp();
  useEffect(() => {
    onTerminal(use => suspendTerminal(use));
  }, [onTerminal, suspendTerminal]);
  useInput((input, key) => {
    for (const press of keyPresses(input, key)) {
      dashboard.press(press);
    }
  });

  const screen = currentScreen(state);
  const height = Math.max(3, rows - frameRows);
  return (
    <Frame state={state} server={server} columns={columns} rows={rows}>
      {screen.type === 'table' && (
        <TableScreen state={state} view={screen.view} now={now} size={{columns, rows: height}} />
      )}
      {screen.type === 'describe' && (
        <TextScreen lines={describe(state, screen, now)} first={state.scroll ?? 0} rows={height} />
      )}
      {screen.type === 'logs' && <TextScreen lines={state.logLines} first={state.scroll} rows={height} />}
      {screen.type === 'help' && <TextScreen lines={helpLines()} first={state.scroll ?? 0} rows={height} />}
    </Frame>
  );
}

/** The time, again each second, so that ages grow while nothing else happens. */
function useNow(clock: Clock): number {
  const [now, setNow] = useState(() => clock.now());
  useEffect(() => {
    let timer = clock.schedule(1000, function tick() {
      setNow(clock.now());
      timer = clock.schedule(1000, tick);
    });
    return () => timer[Symbol.dispose]();
  }, [clock]);
  return now;
}

/** A paste, or keys pressed faster than they are read, arrive as one text: each character is a key of its own. */
function keyPresses(input: string, key: Key): KeyPress[] {
  const name = nameOf(key);
  return name === undefined
    ? [...input].map(character =>
        character === '\r' ? {input: character, name: 'return'} : {input: character, ctrl: key.ctrl},
      )
    : [{input, name}];
}

function nameOf(key: Key): KeyPress['name'] {
  if (key.upArrow) return 'up';
  if (key.downArrow) return 'down';
  if (key.pageUp) return 'pageUp';
  if (key.pageDown) return 'pageDown';
  if (key.home) return 'home';
  if (key.end) return 'end';
  if (key.return) return 'return';
  if (key.escape) return 'escape';
  if (key.backspace || key.delete) return 'backspace';
  return key.tab ? 'tab' : undefined;
}
