import {execFileSync, spawn, spawnSync} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import {createExecGuest} from '../../../agent/guest/exec-guest.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import type {Logger} from '../../../api/effects/logger.ts';
import {createFakeDriver} from '../../fakes/fake-driver.ts';
import {serveGit} from './git-server.ts';

/** A guest whose instance is a folder of this machine, where everything that runs, git's own helpers too, leaves its words and variables. */
function watchedGuest(t: ExecutionContext) {
  const root = mkdtempSync(join(tmpdir(), 'nexus-private-'));
  t.teardown(() => rmSync(root, {recursive: true, force: true}));
  const [home, tools, trace] = [join(root, 'home'), join(root, 'tools'), join(root, 'trace')];
  mkdirSync(home);
  mkdirSync(tools);
  writeFileSync(trace, '');
  for (const tool of ['base64', 'git', 'mktemp', 'mv', 'rm', 'setpriv']) {
    const real = execFileSync('which', [tool]).toString().trim();
    const script = `#!/bin/sh\n{ printf '%s ' "$0" "$@"; env; } >>'${trace}'\nexec '${real}' "$@"\n`;
    writeFileSync(join(tools, tool), script, {mode: 0o755});
  }
  const driver = {
    ...createFakeDriver({clock: systemClock}),
    async exec(
      _uid: string,
      {command, env}: {command: readonly string[]; env?: Readonly<Record<string, string>>},
    ) {
      const [program = '', ...args] = command;
      writeFileSync(trace, `${command.join(' ')}\n`, {flag: 'a'});
      const child = spawn(program, args, {
        env: {PATH: `${tools}:${process.env.PATH}`, HOME: home, GIT_TRACE: trace, ...env},
        cwd: home,
      });
      const exitCode = new Promise<number>(resolve => child.on('close', code => resolve(code ?? 137)));
      const {stdin, stdout, stderr} = child;
      return {stdin, stdout, stderr, exitCode, resize() {}, kill() {}};
    },
  };
  const logged: string[] = [];
  const note = (...words: unknown[]) => void logged.push(words.map(say).join(' '));
  const log: Logger = {debug: note, info: note, warn: note, error: note, child: () => log};
  const bundles = {has: async () => false, put: async () => {}, open: async () => Readable.from([])};
  execFileSync(
    'bash',
    [
      '-c',
      'git init -q -b main one && cd one && git commit -q --allow-empty -m one && git clone -q --bare . ../served/app.git',
    ],
    {
      cwd: root,
      env: {
        PATH: process.env.PATH,
        HOME: root,
        GIT_AUTHOR_NAME: 'A',
        GIT_AUTHOR_EMAIL: 'a@b',
        GIT_COMMITTER_NAME: 'A',
        GIT_COMMITTER_EMAIL: 'a@b',
      },
    },
  );
  return {
    served: join(root, 'served'),
    guest: createExecGuest({driverOf: () => driver, bundles, log}),
    traced: () => readFileSync(trace, 'utf8'),
    logged: () => logged.join('\n'),
    /** Lines of files in the home and in memory that hold `text`. */
    kept: (text: string) => spawnSync('grep', ['-rsF', text, home, '/dev/shm']).stdout.toString(),
  };
}

function say(word: unknown): string {
  return JSON.stringify(word, (_key, value: unknown) =>
    value instanceof Error ? `${value.message} ${value.stack} ${say(value.cause ?? null)}` : value,
  );
}

const outcomes = [
  {title: 'that opens the repository', correct: true},
  {title: 'that does not', correct: false},
];

for (const {title, correct} of outcomes) {
  test(`a password ${title} is seen in no list of processes, no environment, no log, and no file afterwards`, async t => {
    const {served, guest, traced, logged, kept} = watchedGuest(t);
    const password = `s3cret/${randomBytes(8).toString('hex')}@:`;
    using server = await serveGit(served, correct ? `me:${password}` : 'me:another');
    const request = {
      repository: {directory: 'app', url: `${server.url}/app.git`},
      credential: {type: 'password', username: 'me', password},
    } as const;
    const cloning = guest.clone('u', request, new AbortController().signal);
    if (correct) {
      t.like(await cloning, {branch: 'main'});
    } else {
      const error = await t.throwsAsync(cloning);
      t.like(error, {code: 'AuthenticationFailed'});
      t.false(say(error).includes(password));
    }

    t.regex(traced(), /credential-store|store --file=/, 'what git runs itself is watched too');
    const shapes = [password, encodeURIComponent(password), Buffer.from(password).toString('base64')];
    for (const shape of shapes) {
      t.false(traced().includes(shape));
      t.false(logged().includes(shape));
      t.is(kept(shape), '');
    }
  });
}
