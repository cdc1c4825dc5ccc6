import {spawn} from 'node:child_process';
import {text} from 'node:stream/consumers';

export type Output = {readonly code: number; readonly stdout: string; readonly stderr: string};

export type ProgramOptions = {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string | Buffer;
};

/** Runs a program to its end, however it ends. Rejects only when it can't be started. */
export async function runProgram(
  program: string,
  args: readonly string[],
  {cwd, env, stdin = ''}: ProgramOptions,
): Promise<Output> {
  const child = spawn(program, args, {cwd, env, stdio: 'pipe'});
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal === null ? -1 : 128)));
  });
  // It may end before it has read all of it.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return {code, stdout, stderr};
}
