import {access} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {relayAgent, runAgentDaemon, agentStatus as statusOf, stopAgent as stop} from '../../agent/main.ts';
import {purgeNode, setupNode} from '../../agent/setup-node.ts';
import type {Provider} from '../../api/v1alpha1/workspace.ts';
import {provider as providerSchema} from '../../api/v1alpha1/workspace.ts';
import type {Cli} from '../cli.ts';
import {CliError, exitCodes} from '../exit-code.ts';
import {ensureHome} from '../home.ts';

/** Answers with the exit code. */
export async function agent(
  cli: Cli,
  {stdio, daemon}: {readonly stdio?: boolean; readonly daemon?: boolean},
): Promise<number> {
  if (stdio === daemon) {
    throw new CliError('usage', 'say --stdio or --daemon, or one of setup, purge, stop and status', {
      hint: 'nexus server starts the agent of its own machine by itself.',
    });
  }

  await ensureHome(cli.home);
  if (daemon === true) {
    await runAgentDaemon({home: cli.home, agentVersion: cli.version});
  } else {
    const entry = fileURLToPath(new URL('../nexus.js', import.meta.url));
    await relayAgent({home: cli.home, daemonCommand: [process.execPath, entry, 'agent', '--daemon']});
  }

  return exitCodes.ok.code;
}

export type SetupAgentOptions = {
  readonly image: string;
  readonly installation?: string;
  readonly provider?: readonly string[];
};

export async function setupAgent(
  cli: Cli,
  {image, installation: given, provider: names}: SetupAgentOptions,
): Promise<void> {
  if (given !== undefined && !/^[0-9a-f]{6}$/.test(given)) {
    throw new CliError('usage', `--installation wants six hexadecimal digits, not "${given}"`, {
      hint: "They are in $NEXUS_HOME/installation on the server's machine.",
    });
  }

  const file = path.resolve(cli.cwd, image);
  try {
    await access(file);
  } catch (error) {
    throw new CliError('usage', `there is no image ${file}`, {
      hint: 'Make one with hack/build-image.',
      cause: error,
    });
  }

  const providers = names?.map(parseProvider);
  await ensureHome(cli.home);
  const {installation, backends, failures} = await setupNode({
    home: cli.home,
    image: file,
    progress: cli.note,
    ...(given === undefined ? {} : {installation: given}),
    ...(providers === undefined ? {} : {providers}),
  });
  for (const {provider, error} of failures) {
    cli.note(
      `provider ${provider} could not be set up, the others were: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  cli.print(`installation ${installation} is ready on ${backends.join(', ')}`);
}

function parseProvider(text: string): Provider {
  const parsed = providerSchema.safeParse(text);
  if (!parsed.success) {
    throw new CliError('usage', `--provider is one of ${providerSchema.options.join(', ')}, not "${text}"`);
  }
  return parsed.data;
}

export async function purgeAgent(cli: Cli): Promise<void> {
  await ensureHome(cli.home);
  await purgeNode({home: cli.home, progress: cli.note});
  cli.print('purged');
}

export async function stopAgent(cli: Cli): Promise<void> {
  cli.print((await stop(cli.home)) ? 'the agent was stopped; workspaces run on' : 'no agent was running');
}

/** Answers with the exit code: 0 when it runs. */
export async function agentStatus(cli: Cli): Promise<number> {
  const status = await statusOf(cli.home);
  cli.print(status.running ? `running, process ${status.pid}` : 'not running');
  cli.print(`socket: ${status.socket}`);
  cli.print(`log: ${status.logFile}`);
  return status.running ? exitCodes.ok.code : exitCodes.failed.code;
}
