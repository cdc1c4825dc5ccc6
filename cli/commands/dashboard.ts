import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {createClientSource} from '../dashboard/client-source.ts';
import {CliError} from '../exit-code.ts';
import {registerTsxLoader} from '../tsx-loader.ts';
import {ssh} from './ssh.ts';

/** Until the user quits. */
export async function dashboard(cli: Cli): Promise<void> {
  if (cli.stdin.isTTY !== true || cli.stdout.isTTY !== true) {
    throw new CliError('usage', 'the dashboard needs a terminal', {
      hint: '`nexus get workspaces --watch` goes into pipes.',
    });
  }

  // React's development build takes twice the time.
  process.env.NODE_ENV ??= 'production';
  using _loader = registerTsxLoader();
  const {runDashboard} = await import('../../tui/run-dashboard.tsx');
  await using client = await connect(cli);
  const source = createClientSource({
    client,
    shell: async workspace => {
      await ssh(cli, {word: workspace, rest: []}, {});
    },
  });
  await runDashboard(source, cli.clock, cli.signal);
}
