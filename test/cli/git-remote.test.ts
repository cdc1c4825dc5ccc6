import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {createServer} from 'node:net';
import path from 'node:path';
import test from 'ava';
import {repositoryName, repositoryOwner} from '../../cli/git/working-copy.ts';
import {runProgram} from '../../cli/spawned.ts';
import {startServer} from '../api/server/test-server.ts';
import type {CliBench} from './run-cli.ts';
import {createBench} from './run-cli.ts';

/** A real git server on loopback. */
async function startGitDaemon({home}: CliBench): Promise<AsyncDisposable & {readonly url: string}> {
  const base = path.join(path.dirname(home), 'srv');
  await runProgram('git', [
    'init',
    '--quiet',
    '--bare',
    '--initial-branch',
    'main',
    path.join(base, 'shop.git'),
  ]);
  const port = await freePort();
  const {stdout} = await runProgram('git', ['--exec-path']);
  const daemon = spawn(
    path.join(stdout.trim(), 'git-daemon'),
    [
      '--listen=127.0.0.1',
      `--port=${port}`,
      `--base-path=${base}`,
      '--export-all',
      '--enable=receive-pack',
      '--verbose',
    ],
    {stdio: ['ignore', 'ignore', 'pipe']},
  );
  await once(daemon.stderr, 'data');
  return {
    url: `git://127.0.0.1:${port}/shop.git`,
    async [Symbol.asyncDispose]() {
      if (daemon.exitCode === null && daemon.signalCode === null) {
        daemon.kill();
        await once(daemon, 'exit');
      }
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('commits that the remote has are cloned from there, others are uploaded, also when it does not answer', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await using daemon = await startGitDaemon(bench);
  const {git, write, nexus} = bench;
  await write('short.yaml', 'name: shop\n');
  await git('init', '--quiet', '--initial-branch', 'main');
  await git('add', '.');
  await git('commit', '--quiet', '--message', 'begin');
  await git('remote', 'add', 'origin', daemon.url);
  await git('push', '--quiet', 'origin', 'main');
  const repo = async () => (await server.client.get('Workspace', 'shop')).spec.repo;

  t.is((await nexus(['apply', '-f', 'short.yaml'])).stderr, '');
  t.deepEqual(await repo(), {name: 'shop', url: daemon.url, branch: 'main'});

  await git('commit', '--quiet', '--allow-empty', '--message', 'not pushed');
  t.regex((await nexus(['apply', '-f', 'short.yaml'])).stderr, /^Uploading the commits/);
  t.is((await repo())?.url, daemon.url);
  t.is((await repo())?.bundle?.commit, await git('rev-parse', 'HEAD'));

  await git('push', '--quiet', 'origin', 'main');
  t.is((await nexus(['apply', '-f', 'short.yaml'])).stdout, 'workspace/shop configured\n');
  t.is((await repo())?.bundle, undefined);

  await daemon[Symbol.asyncDispose]();
  // The very bytes of these commits were uploaded before: they are not sent again.
  t.deepEqual(await nexus(['apply', '-f', 'short.yaml']), {
    code: 0,
    stdout: 'workspace/shop configured\n',
    stderr: '',
  });
  t.is((await repo())?.bundle?.commit, await git('rev-parse', 'HEAD'));
});

test('a commit that is checked out without a branch is uploaded', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await bench.write('short.yaml', 'name: shop\n');
  await bench.git('init', '--quiet');
  await bench.git('add', '.');
  await bench.git('commit', '--quiet', '--message', 'begin');
  await bench.git('checkout', '--quiet', '--detach');
  t.is((await bench.nexus(['apply', '-f', 'short.yaml'])).code, 0);
  const {repo} = (await server.client.get('Workspace', 'shop')).spec;
  t.is(repo?.branch, undefined);
  t.is(repo?.bundle?.commit, await bench.git('rev-parse', 'HEAD'));
});

test('repositories are named after their address, else their folder', t => {
  const name = (url: string | undefined, folder = '/x/y') => repositoryName({url, folder});
  t.is(name('https://github.com/ada/Shop.js.git'), 'Shop.js');
  t.is(name('git@github.com:ada/shop.git'), 'shop');
  t.is(name(undefined, '/home/ada/my shop'), 'my-shop');
  t.is(name(undefined, '/home/ada/.dotfiles'), 'dotfiles');
  t.is(name(undefined, '/home/ada/…'), 'repository');
});

test('owners are known for hosts that have accounts', t => {
  t.is(repositoryOwner('https://github.com/ada/shop.git'), 'ada');
  t.is(repositoryOwner('git@gitlab.com:ada/shop.git'), 'ada');
  t.is(repositoryOwner('https://git.example.com/ada/shop.git'), undefined);
  t.is(repositoryOwner(undefined), undefined);
});
