import {mkdtemp, realpath, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {PassThrough, Readable} from 'node:stream';
import {text} from 'node:stream/consumers';
import type {Clock} from '../../api/effects/clock.ts';
import {systemClock} from '../../api/effects/clock.ts';
import {run} from '../../cli/main.ts';
import {runProgram} from '../../cli/spawned.ts';

export type CliResult = {readonly code: number; readonly stdout: string; readonly stderr: string};

export type Call = {
  readonly stdin?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly onOutput?: (text: string) => void;
};

/** Folders of one test, and a command line that works in them. */
export type CliBench = AsyncDisposable & {
  readonly home: string;
  readonly folder: string;
  nexus(argv: readonly string[], call?: Call): Promise<CliResult>;
  write(name: string, content: string): Promise<string>;
  git(...args: string[]): Promise<string>;
};

/** Talks to the server at `url`, if one is given, as its admin. */
export async function createBench(server?: {
  readonly url: string;
  readonly adminToken: string;
}): Promise<CliBench> {
  const root = await realpath(await mkdtemp(path.join(tmpdir(), 'nexus-cli-')));
  const home = path.join(root, 'home');
  const folder = await mkdtemp(path.join(root, 'work-'));
  const base = {
    PATH: process.env.PATH,
    HOME: root,
    NO_COLOR: '1',
    NEXUS_HOME: home,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.com',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.com',
    ...(server === undefined ? {} : {NEXUS_SERVER: server.url, NEXUS_TOKEN: server.adminToken}),
  };
  return {
    home,
    folder,
    async nexus(argv, {stdin = '', cwd = folder, env, signal, clock = systemClock, onOutput} = {}) {
      const stdout = new PassThrough();
      const stderr = new PassThrough();
      if (onOutput !== undefined) {
        stdout.on('data', (chunk: Buffer) => onOutput(chunk.toString()));
      }

      const outputs = Promise.all([text(stdout), text(stderr)]);
      const code = await run(argv, {
        env: {...base, ...env},
        cwd,
        home,
        stdin: Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]),
        stdout,
        stderr,
        signal: signal ?? new AbortController().signal,
        clock,
        version: '0.0.1-test',
      });
      stdout.end();
      stderr.end();
      const [out, err] = await outputs;
      return {code, stdout: out, stderr: err};
    },
    async write(name, content) {
      const file = path.join(folder, name);
      await writeFile(file, content);
      return file;
    },
    async git(...args) {
      const {code, stdout, stderr} = await runProgram('git', ['-C', folder, ...args], {env: base});
      if (code !== 0) {
        throw new Error(`git ${args.join(' ')}: ${stderr}`);
      }

      return stdout.trim();
    },
    [Symbol.asyncDispose]: () => rm(root, {recursive: true}),
  };
}
