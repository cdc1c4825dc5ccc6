import type {SpawnOptions} from 'node:child_process';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {constants} from 'node:os';
import {CliError} from './exit-code.ts';

export type Outcome = {readonly code: number; readonly stdout: string; readonly stderr: string};

export type RunOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  /** Milliseconds; none by default. */
  readonly timeout?: number;
};

/** Most that is kept of each output. */
const outputLimit = 16 * 1024 * 1024;

/** Runs a program to its end, no shell in between. A code other than 0 is an answer, 128 and more when a signal ended it; that there is no such program is thrown as CliError. */
export async function runProgram(
  program: string,
  args: readonly string[],
  {cwd, env, signal, timeout}: RunOptions = {},
): Promise<Outcome> {
  const child = start(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : {cwd}),
    ...(env === undefined ? {} : {env}),
    ...(signal === undefined ? {} : {signal}),
    ...(timeout === undefined ? {} : {timeout}),
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  collect(child.stdout, stdout);
  collect(child.stderr, stderr);
  try {
    return {
      code: await exitCodeOf(child),
      stdout: Buffer.concat(stdout).toString(),
      stderr: Buffer.concat(stderr).toString(),
    };
  } catch (error) {
    signal?.throwIfAborted();
    throw missing(program, error);
  }
}

/** Runs a program on this terminal. Answers with its exit code; 128 and more when a signal ended it. */
export async function runOnTerminal(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  try {
    return await exitCodeOf(start(program, args, {stdio: 'inherit', env}));
  } catch (error) {
    throw missing(program, error);
  }
}

function start(program: string, args: readonly string[], options: SpawnOptions) {
  return spawn(program, [...args], options);
}

async function exitCodeOf(child: ReturnType<typeof start>): Promise<number> {
  const [code, signal]: unknown[] = await once(child, 'close');
  if (typeof code === 'number') {
    return code;
  }

  return 128 + (Object.entries(constants.signals).find(([name]) => name === signal)?.[1] ?? 0);
}

function collect(stream: NodeJS.ReadableStream | null, chunks: Buffer[]): void {
  let size = 0;
  stream?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= outputLimit) {
      chunks.push(chunk);
    }
  });
}

function missing(program: string, error: unknown): unknown {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
    ? new CliError('failed', `${program} is not installed, or not on the PATH`, {
        hint: `Install it: Debian and Ubuntu have it as ${packages.get(program) ?? program}.`,
        cause: error,
      })
    : error;
}

const packages: ReadonlyMap<string, string> = new Map([
  ['ssh', 'openssh-client'],
  ['ssh-keygen', 'openssh-client'],
]);
