import {readFileSync} from 'node:fs';
import {systemClock} from '../api/effects/clock.ts';
import type {Cli, CliOptions} from './cli.ts';
import {createCli} from './cli.ts';
import {reportError} from './error-report.ts';
import {exitCodes} from './exit-code.ts';
import {homeFolder} from './home.ts';
import {styleFor} from './output/style.ts';
import type {BuildProgram} from './program/assemble.ts';
import {UsageShown} from './program/assemble.ts';

/** Runs the command line of this process and sets its exit code. */
export async function runProcess(buildProgram: BuildProgram): Promise<void> {
  // Whoever reads our output may stop reading, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : 1);
  });
  const interruption = new AbortController();
  let interrupts = 0;
  let terminated = false;
  const interrupt = (signal: 'SIGINT' | 'SIGTERM') => {
    interrupts += 1;
    terminated = signal === 'SIGTERM';
    interruption.abort(new Error(`interrupted by ${signal}`));
    // The second time, whatever still hangs is left.
    if (interrupts > 1) {
      process.exit(terminated ? 143 : exitCodes.interrupted.code);
    }
  };

  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const {NEXUS_HOME: _, ...rest} = process.env;
  const home = homeFolder(process.env);
  const code = await run(
    process.argv.slice(2),
    {
      env: {...rest, NEXUS_HOME: home},
      cwd: process.cwd(),
      home,
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      signal: interruption.signal,
      clock: systemClock,
      version: version(),
    },
    buildProgram,
  );
  process.exitCode = code === exitCodes.interrupted.code && terminated ? 143 : code;
  // Keys are read no more; a stdin that is still open must not keep the process.
  process.stdin.unref?.();
}

/** One command. Answers with its exit code; all that fails is reported here and nowhere else. */
export async function run(
  argv: readonly string[],
  options: CliOptions,
  buildProgram: BuildProgram,
): Promise<number> {
  const cli: Cli = createCli(options);
  let exitCode: number | undefined;
  const program = buildProgram(cli, code => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, {from: 'user'});
    return exitCode ?? (cli.signal.aborted ? exitCodes.interrupted.code : exitCodes.ok.code);
  } catch (error) {
    if (error instanceof UsageShown) {
      return error.exitCode;
    }

    if (cli.signal.aborted) {
      return exitCodes.interrupted.code;
    }

    const {exitCode: code, lines} = reportError(error);
    const style = styleFor(cli.stderr, cli.env);
    for (const line of lines) {
      cli.note(line.replace(/^(?:error|hint):/, word => style(word === 'error:' ? 'bad' : 'strong', word)));
    }

    return code;
  }
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null && 'version' in value
    ? String(value.version)
    : 'unknown';
}
