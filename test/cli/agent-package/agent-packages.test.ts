import {execFile} from 'node:child_process';
import {createHash} from 'node:crypto';
import {chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {buffer} from 'node:stream/consumers';
import {promisify} from 'node:util';
import {gunzipSync, zstdDecompressSync} from 'node:zlib';
import test from 'ava';
import {createAgentPackages} from '../../../cli/agent-package/agent-packages.ts';
import {bundleAgent} from '../../../cli/agent-package/bundle-agent.ts';
import {ownPlatform} from '../../../cli/agent-package/own-platform.ts';
import type {AgentPlatform} from '../../../controller/agent-install/agent-package.ts';
import {AgentPackageError} from '../../../controller/agent-install/agent-package.ts';

const run = promisify(execFile);
const signal = new AbortController().signal;
const platform = ownPlatform() ?? 'linux-x64';
const foreign: AgentPlatform = platform.startsWith('linux-x64') ? 'linux-arm64' : 'linux-x64';

async function makeHome(): Promise<AsyncDisposable & {readonly path: string}> {
  const path = await mkdtemp(join(tmpdir(), 'nexus-packages-'));
  return {path, [Symbol.asyncDispose]: () => rm(path, {recursive: true, force: true})};
}

const packagesOf = (home: string) => createAgentPackages({home, env: process.env, version: '1.2.3'});

/** Of a program that is nothing but a line. */
const smallPackagesOf = (home: string, env: NodeJS.ProcessEnv = process.env, program = 'program') =>
  createAgentPackages({
    home,
    env,
    version: '1.2.3',
    bundle: async () => [{path: 'nexus', content: Buffer.from(program), executable: true}],
  });

test('a package has all that the agent needs, and nothing of the server', async t => {
  await using home = await makeHome();
  const {id, files} = await packagesOf(home.path).find(platform, signal);
  t.regex(id, /^1\.2\.3-[0-9a-f]{12}$/);
  const contents = new Map<string, Buffer>();
  for (const file of files) {
    const content = await buffer((await file.open('none')).content);
    t.is(createHash('sha256').update(content).digest('hex'), file.sha256, file.path);
    t.is(content.length, file.size, file.path);
    contents.set(file.path, content);
  }
  const program = String(contents.get('cli/nexus.js'));
  for (const library of ['typeorm', 'better-sqlite3', 'koa', 'ink', 'react', 'ssh2', 'esbuild']) {
    t.notRegex(program, new RegExp(`(?:from|require\\()\\s*["']${library}["']`), library);
  }
  t.true(program.length < 4 * 2 ** 20);
  t.true(contents.has('agent/guest/scripts/setup.sh'));
  t.is(JSON.parse(String(contents.get('manifest.json'))).id, id);
  t.deepEqual(
    files.filter(({executable}) => executable).map(({path}) => path),
    ['nexus', 'node'],
  );

  for (const [packing, unpack] of [
    ['zstd', zstdDecompressSync],
    ['gzip', gunzipSync],
  ] as const) {
    const script = await files.find(({path}) => path === 'cli/nexus.js')?.open(packing);
    const packed = script === undefined ? Buffer.alloc(0) : await buffer(script.content);
    t.true(packed.length > 0 && packed.length === script?.size);
    t.true(unpack(packed).equals(Buffer.from(program)));
  }
});

test('the same sources make the same program, wherever and whenever it is made', async t => {
  const [one, other] = [await bundleAgent('1.2.3'), await bundleAgent('1.2.3')];
  t.deepEqual(one, other);
  for (const {path, content} of one) {
    t.false(content.includes(import.meta.dirname.replace('/test/cli/agent-package', '')), path);
  }
});

test('another program or another Node.js is another package, and only the last is kept', async t => {
  await using home = await makeHome();
  const node = join(home.path, 'node', platform);
  await mkdir(node, {recursive: true});
  await writeFile(join(node, 'node'), 'one Node.js');
  const idOf = async (program?: string) =>
    (await smallPackagesOf(home.path, process.env, program).find(platform, signal)).id;
  const first = await idOf();
  t.is(await idOf(), first);
  t.not(await idOf('another program'), first);
  await writeFile(join(node, 'node'), 'another Node.js');
  const last = await idOf();
  t.not(last, first);
  t.deepEqual(await readdir(join(home.path, 'cache/agent-packages', platform)), [last]);
});

test('a package runs by itself, with no Node.js on the machine', async t => {
  await using home = await makeHome();
  const {files} = await packagesOf(home.path).find(platform, signal);
  const place = join(home.path, 'a place');
  for (const {path, executable, open} of files) {
    const target = join(place, path);
    await mkdir(join(target, '..'), {recursive: true});
    await writeFile(target, await buffer((await open('none')).content), {mode: executable ? 0o700 : 0o600});
  }
  await rm(join(home.path, 'cache'), {recursive: true});
  const env = {PATH: '/usr/bin:/bin', HOME: home.path};
  t.is((await run(join(place, 'nexus'), ['version'], {env})).stdout, 'nexus 1.2.3\n');
  const status = await t.throwsAsync<Error & {stdout: string}>(
    run(join(place, 'nexus'), ['agent', 'status'], {env}),
  );
  t.regex(status.stdout, /^not running\nsocket: .*\/\.nexus\/agent\/agent\.sock\n/);
});

test('for another processor the Node.js that was provided is taken', async t => {
  await using home = await makeHome();
  const provided = join(home.path, 'node', foreign);
  await mkdir(provided, {recursive: true});
  await writeFile(join(provided, 'node'), 'for another processor');
  const {files, platform: made} = await smallPackagesOf(home.path).find(foreign, signal);
  t.is(made, foreign);
  t.is(files.find(({path}) => path === 'node')?.size, 'for another processor'.length);
});

/** A PATH on which npm is this script. */
async function standIn(home: string, script: string): Promise<NodeJS.ProcessEnv> {
  const bin = join(home, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'npm'), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, 'npm'), 0o755);
  return {...process.env, PATH: `${bin}:/usr/bin:/bin`};
}

test('when npm can not be asked for another processor, the error says what to put where', async t => {
  await using home = await makeHome();
  const env = await standIn(home.path, 'echo "npm error network" >&2; exit 1');
  const error = await t.throwsAsync(smallPackagesOf(home.path, env).find(foreign, signal), {
    instanceOf: AgentPackageError,
    message: /could not be had from npm as node-linux-\w+@[\d.]+ \(npm error network\): put the program/,
  });
  t.true(error.message.includes(join(home.path, 'node', foreign, 'node')));
});

test('what npm fetches must be what package-lock.json names', async t => {
  await using home = await makeHome();
  const env = await standIn(home.path, 'echo evil > node-linux.tgz');
  await t.throwsAsync(smallPackagesOf(home.path, env).find(foreign, signal), {
    message: /another hash than package-lock\.json says/,
  });
});

test('whoever gives a package up leaves it to others who wait for it', async t => {
  await using home = await makeHome();
  const go = join(home.path, 'go');
  const env = await standIn(
    home.path,
    `while [ ! -e '${go}' ]; do sleep 0.1; done; echo "npm error network" >&2; exit 1`,
  );
  const packages = smallPackagesOf(home.path, env);
  const impatient = new AbortController();
  const one = packages.find(foreign, impatient.signal);
  const other = t.throwsAsync(packages.find(foreign, signal), {message: /npm error network/});
  impatient.abort(new Error('given up'));
  await t.throwsAsync(one, {message: 'given up'});
  await writeFile(go, '');
  await other;
});

test('there is none for a C library that nobody brings, until it is provided', async t => {
  await using home = await makeHome();
  const packages = smallPackagesOf(home.path);
  await t.throwsAsync(packages.find('linux-arm64-musl', signal), {
    message: /brings no Node\.js for linux-arm64-musl: put the program of Node\.js 24/,
  });
  const provided = join(home.path, 'node/linux-arm64-musl');
  await mkdir(provided, {recursive: true});
  await copyFile('/bin/true', join(provided, 'node'));
  t.is((await packages.find('linux-arm64-musl', signal)).platform, 'linux-arm64-musl');
});

test('a cache that was damaged is made anew', async t => {
  await using home = await makeHome();
  const {id} = await smallPackagesOf(home.path).find(platform, signal);
  const place = join(home.path, 'cache/agent-packages', platform, id);
  await rm(join(place, 'manifest.json'));
  await rm(join(place, 'nexus'));
  t.is((await smallPackagesOf(home.path).find(platform, signal)).id, id);
  t.is(await readFile(join(place, 'nexus'), 'utf8'), 'program');
});
