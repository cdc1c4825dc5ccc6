import {Command, type CommanderError} from 'commander';
import type {Cli} from './cli.ts';
import {exitCodes} from './exit-code.ts';
import {addNodeCommands} from './program/node-commands.ts';
import type {SetExitCode} from './program/registration.ts';
import {addResourceCommands} from './program/resource-commands.ts';
import {addStreamCommands} from './program/stream-commands.ts';
import {addSystemCommands} from './program/system-commands.ts';
import {addUserCommands} from './program/user-commands.ts';
import {addWorkspaceCommands} from './program/workspace-commands.ts';

/** Help or a usage error has been written already: nothing is left to say but the exit code. */
export class UsageShown extends Error {
  override readonly name = 'UsageShown';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('usage shown');
    this.exitCode = exitCode;
  }
}

/** All commands. What a command does is imported when it runs, so that each starts as fast as it can. */
export function buildProgram(cli: Cli, setExitCode: SetExitCode): Command {
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
  const registration = {cli, setExitCode};
  addResourceCommands(program, registration);
  addStreamCommands(program, registration);
  addWorkspaceCommands(program, registration);
  addNodeCommands(program, registration);
  addUserCommands(program, registration);
  addSystemCommands(program, registration);
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
