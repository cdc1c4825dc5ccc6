import {spawn} from 'node:child_process';
import {once} from 'node:events';
import path from 'node:path';
import {createInterface} from 'node:readline';

/** A program of this folder in a process of its own, that prints one line of JSON and then goes on until it is disposed of. */
export type Child = AsyncDisposable & {readonly answer: unknown};

export async function startChild(program: string, ...args: readonly string[]): Promise<Child> {
  const file = path.join(import.meta.dirname, program);
  const child = spawn(process.execPath, ['--expose-gc', file, ...args], {stdio: ['pipe', 'pipe', 'inherit']});
  const exited = once(child, 'exit');
  const end = async () => {
    // It ends with its standard input, so it does when this process dies, too.
    child.stdin.end();
    await exited;
  };
  for await (const line of createInterface({input: child.stdout})) {
    return {answer: JSON.parse(line), [Symbol.asyncDispose]: end};
  }

  await exited;
  throw new Error(`${program} ended without an answer`);
}
