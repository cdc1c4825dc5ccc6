import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, readFile, stat, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {runProgram} from '../../cli/spawned.ts';
import type {CliBench} from './run-cli.ts';
import {createBench} from './run-cli.ts';

const root = path.resolve(import.meta.dirname, '../..');
const entry = path.join(root, 'cli/nexus.js');

const nexus = ({home}: CliBench, argv: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runProgram(process.execPath, [entry, ...argv], {
    env: {PATH: process.env.PATH, HOME: path.dirname(home), NEXUS_HOME: home, ...env},
    timeout: 60_000,
  });

test('the program answers with its version, from wherever, and leaves no trace', async t => {
  await using bench = await createBench();
  const {version} = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  for (const argv of [['version'], ['--version'], ['-V']]) {
    t.like(await nexus(bench, argv), {code: 0, stdout: `nexus ${version}\n`, stderr: ''});
  }

  await t.throwsAsync(stat(bench.home), {code: 'ENOENT'});
});

test('exit codes and messages of the program are those of its commands', async t => {
  await using bench = await createBench();
  const unreachable = await nexus(bench, ['get', 'ws'], {NEXUS_SERVER: 'http://127.0.0.1:9'});
  t.is(unreachable.code, 7);
  t.regex(unreachable.stderr, /^error: .*\nhint: /);
  t.is((await nexus(bench, ['frobnicate'])).code, 2);
  await mkdir(bench.home);
  await writeFile(path.join(bench.home, 'config.yaml'), 'version: 1\neditr: vim\n');
  const invalid = await nexus(bench, ['get', 'ws']);
  t.is(invalid.code, 2);
  t.regex(invalid.stderr, /editr: unknown field; did you mean editor\?/);
});

test('an older Node.js is told that it is too old, before anything is loaded', async t => {
  await using bench = await createBench();
  const old = await bench.write(
    'old.mjs',
    `Object.defineProperty(process.versions, 'node', {value: '20.20.2'});\nawait import(${JSON.stringify(entry)});\n`,
  );
  const {code, stderr} = await runProgram(process.execPath, [old], {env: {PATH: process.env.PATH}});
  t.is(code, 1);
  t.regex(stderr, /needs Node\.js 24\.12 or later, and this is 20\.20\.2.*\nhint: /);
});

test('a server that may not listen in the clear, or is given nonsense, says what to do', async t => {
  await using bench = await createBench();
  const open = await nexus(bench, ['server', '--host', '0.0.0.0']);
  t.is(open.code, 2);
  t.regex(open.stderr, /tokens would cross the network.*\nhint: Give --tls-cert/);
  t.is((await nexus(bench, ['server', '--port', 'x'])).code, 2);
  t.is((await nexus(bench, ['server', '--tls-cert', 'x'])).code, 2);
  t.is((await nexus(bench, ['server', '--log-level', 'loud'])).code, 2);
});

test('a server begins, refuses a second one, answers commands of its home, and drains on SIGTERM', async t => {
  await using bench = await createBench();
  const env = {PATH: process.env.PATH, HOME: path.dirname(bench.home), NEXUS_HOME: bench.home};
  // The agent of the test is one that can't be started: what containers do is not the matter here.
  const server = spawn(process.execPath, [entry, 'server', '--port', '0', '--log-level', 'error'], {
    env: {...env, INCUS_DIR: bench.folder},
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    const {promise: up, resolve} = Promise.withResolvers<void>();
    const log = text(
      (async function* () {
        for await (const chunk of server.stderr) {
          if (String(chunk).includes('Listening on ')) {
            resolve();
          }

          yield chunk;
        }
      })(),
    );
    await Promise.race([up, log.then(said => Promise.reject(new Error(said)))]);
    t.is((await stat(path.join(bench.home, 'admin-token'))).mode & 0o777, 0o600);
    t.is((await stat(bench.home)).mode & 0o777, 0o700);
    t.regex((await nexus(bench, ['user', 'whoami'])).stdout, /^admin \(admin, 0 ssh keys\)/);
    t.is((await nexus(bench, ['get', 'nodes', '-o', 'name'])).stdout, 'node/local\n');

    const second = await nexus(bench, ['server', '--port', '0']);
    t.is(second.code, 8);
    t.regex(second.stderr, new RegExp(`in use by the nexus server with process id ${server.pid}`));

    server.kill('SIGTERM');
    const [code] = await once(server, 'exit');
    t.is(code, 0);
    await t.throwsAsync(stat(path.join(bench.home, 'server.json')), {code: 'ENOENT'});
  } finally {
    server.kill('SIGKILL');
    await nexus(bench, ['agent', 'stop']);
  }
});

test('Ctrl-C ends a command with exit code 130, SIGTERM with 143', async t => {
  await using bench = await createBench();
  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    // A watch of a server that is not there goes on trying.
    const child = spawn(process.execPath, [entry, 'get', 'ws', '--watch'], {
      env: {
        PATH: process.env.PATH,
        HOME: path.dirname(bench.home),
        NEXUS_HOME: bench.home,
        NEXUS_SERVER: 'http://127.0.0.1:9',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await once(child.stderr, 'data');
    child.kill(signal);
    const [code] = await once(child, 'exit');
    t.is(code, expected);
  }
});
