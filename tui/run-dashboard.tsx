import {render} from 'ink';
import type {Clock} from '../api/effects/clock.ts';
import {App} from './app.tsx';
import {createDashboard} from './dashboard.ts';
import type {DashboardSource} from './source.ts';

/** Shows the dashboard on this terminal until the user quits or the signal is aborted; the screen is then as it was before. */
export async function runDashboard(
  source: DashboardSource,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let lend: ((use: () => Promise<void>) => Promise<void>) | undefined;
  const dashboard = createDashboard({
    source,
    clock,
    lendTerminal: use => lend?.(use) ?? Promise.reject(new Error('the terminal is not ready')),
  });
  const ink = render(
    <App
      dashboard={dashboard}
      server={source.server}
      clock={clock}
      onTerminal={lendTerminal => {
        lend = lendTerminal;
      }}
    />,
    {alternateScreen: true, incrementalRendering: true, exitOnCtrlC: false},
  );
  try {
    await dashboard.run(signal);
  } finally {
    ink.unmount();
    await ink.waitUntilExit();
  }
}
