import {DriverError} from '../driver.ts';
import {runProgram} from './run-program.ts';

export type ImageWork = {
  /** Of qemu-img. */
  readonly program: string;
  readonly args: readonly string[];
  readonly folder: string;
  /** For people: what could not be done when it fails. */
  readonly purpose: string;
  readonly signal?: AbortSignal;
};

/** Milliseconds in which the largest disk is copied. */
const patience = 60 * 60_000;

/** Runs qemu-img in a folder. Resolves to what it printed. Throws DriverError. */
export async function runImageProgram({program, args, folder, purpose, signal}: ImageWork): Promise<string> {
  try {
    const {exitCode, stdout, stderr} = await runProgram(program, args, {
      directory: folder,
      timeout: patience,
      ...(signal === undefined ? {} : {signal}),
    });
    if (exitCode === 0) return stdout;

    throw new DriverError(codeOf(stderr), `${purpose}: ${stderr.trim()}`);
  } catch (error) {
    if (error instanceof DriverError) throw error;
    throw signal?.aborted
      ? new DriverError('TimedOut', `${purpose}: it was given up`, {cause: signal.reason})
      : new DriverError('Internal', purpose, {cause: error});
  }
}

export function codeOf(said: string): DriverError['code'] {
  if (/no space left|quota exceeded/i.test(said)) return 'NoSpace';
  return /lock/i.test(said) ? 'NotPermittedNow' : 'Internal';
}
