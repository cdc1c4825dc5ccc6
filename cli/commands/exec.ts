import {pipeline} from 'node:stream/promises';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import {explainRefusal} from '../not-running.ts';
import {workspaceName} from '../resource-name.ts';

export type ExecCommandOptions = {
  readonly stdin?: boolean;
  readonly tty?: boolean;
  readonly user?: string;
  readonly directory?: string;
};

/** What shells answer for a program that is not there. */
const notFound = 127;

type Terminal = {columns: number; rows: number; term: string};

/** Runs a command in a workspace and answers with its exit code. */
export async function exec(
  cli: Cli,
  {word, command}: {readonly word: string; readonly command: readonly string[]},
  options: ExecCommandOptions,
): Promise<number> {
  if (command.length === 0) {
    throw new CliError('usage', 'no command was given', {
      hint: `Such as: nexus exec ${word} -- ls -l; a shell: nexus exec -it ${word} -- bash`,
    });
  }

  const user = options.user ?? 'dev';
  if (user !== 'dev' && user !== 'root') {
    throw new CliError('usage', `--user is dev or root, not "${user}"`);
  }

  if (options.tty === true && cli.stdin.isTTY !== true) {
    throw new CliError('usage', '--tty needs a terminal, and standard input is none');
  }

  await using client = await connect(cli);
  const tty = options.tty === true ? terminalOf(cli) : undefined;
  const workspace = workspaceName(word);
  const stream = await client.workspaces
    .exec(workspace, {
      command,
      user,
      signal: cli.signal,
      ...(options.directory === undefined ? {} : {directory: options.directory}),
      ...(tty === undefined ? {} : {tty}),
    })
    .catch((error: unknown) => explainRefusal(client, {workspace, error, signal: cli.signal}));
  using _raw = tty === undefined ? undefined : rawTerminal(stream);
  if (options.stdin === true || options.tty === true) {
    // It may go on after the command is over: then nobody waits for it.
    pipeline(cli.stdin, stream.input).catch(() => undefined);
  } else {
    stream.input.end();
  }

  let silent = true;
  stream.errorOutput.once('data', () => {
    silent = false;
  });
  await Promise.all([
    pipeline(stream.output, cli.stdout, {end: false}),
    pipeline(stream.errorOutput, cli.stderr, {end: false}),
  ]);
  const {exitCode = 0} = await stream.finished.catch((error: unknown) =>
    explainRefusal(client, {workspace, error, signal: cli.signal}),
  );
  cli.stdin.destroy();
  if (exitCode === notFound && silent) {
    cli.note(`error: there is no program ${command[0]} in the workspace`);
  }

  return exitCode;
}

function terminalOf(cli: Cli): Terminal {
  return {
    columns: process.stdout.columns ?? 80,
    rows: process.stdout.rows ?? 24,
    term: cli.env.TERM ?? 'xterm-256color',
  };
}

/** Gives every key to the other side until disposed of, and tells it when the window changes. */
function rawTerminal(stream: {resize(columns: number, rows: number): void}): Disposable {
  const resize = () => stream.resize(process.stdout.columns ?? 80, process.stdout.rows ?? 24);
  process.stdin.setRawMode(true);
  process.stdout.on('resize', resize);
  return {
    [Symbol.dispose]() {
      process.stdin.setRawMode(false);
      process.stdout.off('resize', resize);
    },
  };
}
