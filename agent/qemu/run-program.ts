import {execFile} from 'node:child_process';

export type ProgramResult = {readonly exitCode: number; readonly stdout: string; readonly stderr: string};

export type ProgramOptions = {
  readonly directory?: string;
  readonly input?: string;
  /** Milliseconds after which it is killed; a minute by default. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
};

/** Runs a program of the node's to its end. Rejects when it can't be started, is killed, or the signal is aborted. */
export async function runProgram(
  program: string,
  args: readonly string[],
  {directory, input, timeout = 60_000, signal}: ProgramOptions = {},
): Promise<ProgramResult> {
  return await new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {
        timeout,
        killSignal: 'SIGKILL',
        maxBuffer: 2 ** 22,
        ...(directory === undefined ? {} : {cwd: directory}),
        ...(signal === undefined ? {} : {signal}),
      },
      (error, stdout, stderr) => {
        if (error === null) {
          resolve({exitCode: 0, stdout, stderr});
        } else if (typeof error.code === 'number') {
          resolve({exitCode: error.code, stdout, stderr});
        } else {
          reject(new Error(`${program} could not be run: ${error.message}`, {cause: error}));
        }
      },
    );
    // A program that ends before it has read everything says itself what was wrong.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input ?? '');
  });
}
