import type {ChildProcess} from 'node:child_process';
import {spawn} from 'node:child_process';
import {closeSync, openSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {z} from 'zod';
import {eventually} from './eventually.ts';
import {runProgram} from './program.ts';

const record = z.object({url: z.string(), pid: z.number()});

export type ServerProcess = AsyncDisposable & {
  readonly url: string;
  readonly pid: number;
  /** As a power cut would: nothing is drained or closed. Resolves once it is gone. */
  kill(): Promise<void>;
  /** As an administrator would. Resolves to its exit code. */
  stop(): Promise<number | null>;
};

export type ServerProcessOptions = {
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly recordFile: string;
  readonly logFile: string;
};

/** `nexus server` as a process of its own. Resolves once it accepts requests. */
export async function startServer(options: ServerProcessOptions): Promise<ServerProcess> {
  const [program, ...args] = options.command;
  const log = openSync(options.logFile, 'a');
  const child = spawn(program, args, {env: options.env, cwd: '/', stdio: ['ignore', log, log]});
  closeSync(log);
  const ended = new Promise<number | null>(resolve => {
    child.on('error', () => resolve(null));
    child.on('exit', code => resolve(code));
  });
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  try {
    const {url} = await eventually(async () => await readRecord(child, options.recordFile));
    return {
      url,
      pid: child.pid ?? 0,
      kill,
      async stop() {
        child.kill('SIGTERM');
        return await ended;
      },
      [Symbol.asyncDispose]: kill,
    };
  } catch (error) {
    await kill();
    const {stdout} = await runProgram('tail', ['-n', '20', options.logFile], {cwd: '/', env: process.env});
    throw new Error(`the server did not start; the end of its log:\n${stdout}`, {cause: error});
  }
}

async function readRecord(child: ChildProcess, file: string): Promise<{url: string}> {
  const found = record.parse(JSON.parse(await readFile(file, 'utf8')));
  if (found.pid !== child.pid) {
    throw new Error(`${file} is of another process, ${found.pid}`);
  }

  return found;
}
