import {Command, type CommanderError} from 'commander';
import type {Cli} from '../cli.ts';
import {exitCodes} from '../exit-code.ts';
import type {Registration, SetExitCode} from './registration.ts';

/** Help or a usage error has been written already: nothing is left to say but the exit code. */
export class UsageShown extends Error {
  override readonly name = 'UsageShown';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('usage shown');
    this.exitCode = exitCode;
  }
}

/** How a command line is made of a {@link Cli}; running it sets the exit code. */
export type BuildProgram = (cli: Cli, setExitCode: SetExitCode) => Command;

/** A command line of these commands. What a command does is imported when it runs, so that each starts as fast as it can. */
export function assemble(
  {cli, setExitCode}: Registration,
  additions: readonly ((program: Command, registration: Registration) => void)[],
): Command {
  const program = new Command('nexus')
    .description('Self-healing development workspaces on any Linux box that you can ssh into.')
    .version(`nexus ${cli.version}`, '-V, --version')
    .configureHelp({showGlobalOptions: true})
    .configureOutput({
      writeOut: text => cli.stdout.write(text),
      writeErr: text => cli.stderr.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .enablePositionalOptions()
    .showHelpAfterError('(--help says more)')
    .addHelpText('after', '\nExit codes: `nexus help exit-codes`.');
  for (const add of additions) {
    add(program, {cli, setExitCode});
  }

  for (const command of everyCommand(program)) {
    command.exitOverride(error => {
      throw shownError(error);
    });
  }

  return program;
}

function shownError(error: CommanderError): UsageShown {
  return new UsageShown(error.exitCode === 0 ? exitCodes.ok.code : exitCodes.usage.code);
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
