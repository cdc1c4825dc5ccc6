import type {CliOptions} from './cli.ts';
import {runProcess, run as runWith} from './command-line.ts';
import {buildProgram} from './program.ts';

/** Runs the command line of this process and sets its exit code. */
export async function main(): Promise<void> {
  await runProcess(buildProgram);
}

/** One command. Answers with its exit code; all that fails is reported here and nowhere else. */
export async function run(argv: readonly string[], options: CliOptions): Promise<number> {
  return await runWith(argv, options, buildProgram);
}

if (import.meta.main) {
  await main();
}
