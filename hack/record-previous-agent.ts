#!/usr/bin/env node
/**
 * hack/record-previous-agent.ts COMMIT: records the agent and the server's side of its protocol as they were at a commit, as one file that tests run
 * against: test/fixtures/previous-agent.mjs. Libraries stay those of node_modules. Run it when a release becomes the previous one.
 */
import {execFileSync} from 'node:child_process';
import {mkdtemp, readdir, readFile, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {build} from 'esbuild';

/** What the recording exports: `test/fixtures/previous-agent.d.mts` says what each is. */
const entry = `
import {Readable} from 'node:stream';
import {createAgent} from './agent/agent.ts';
import {createMemoryRecordStore} from './agent/instances/record-store.ts';
import {silentLogger} from './api/effects/logger.ts';
import {serveJsonRpc} from './api/agent/v1alpha1/json-rpc-connection.ts';
import {createFakeDriver} from './test/fakes/fake-driver.ts';
import {fixedRandom} from './test/fakes/fixed-random.ts';

export {createAgents} from './controller/agent-client/agent-client.ts';
export {createJsonRpcConnection} from './api/agent/v1alpha1/json-rpc-connection.ts';
export {requests, notifications} from './api/agent/v1alpha1/messages.ts';
export {relayAgent, runAgentDaemon} from './agent/main.ts';

export async function startPreviousAgent({clock, installation}) {
  let epoch = 0;
  const agent = await createAgent({
    clock,
    random: fixedRandom(),
    log: silentLogger,
    installation,
    agentVersion: 'previous',
    drivers: [createFakeDriver({clock})],
    createGuest: () => ({}),
    probe: {ssh: async () => {}, tcp: async () => {}, http: async () => 200},
    connect: async () => { throw new Error('nothing listens'); },
    ports: {listen: async port => ({port, [Symbol.asyncDispose]: async () => {}})},
    records: createMemoryRecordStore(),
    epochs: {load: async () => epoch, save: async next => { epoch = next; }},
    bundles: {has: async () => false, put: async () => {}, open: async () => Readable.from([])},
    hostKeys: () => ({privateKey: 'private', publicKey: 'ssh-ed25519 AAAA'}),
    machine: {bootId: async () => 'boot', listeningPorts: async () => []},
  });
  return {
    serve: (input, output) =>
      agent.accept(handlers => serveJsonRpc({input, output, log: silentLogger, handlers})),
    [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
  };
}
`;

const root = path.resolve(import.meta.dirname, '..');
const [commit] = process.argv.slice(2);
if (commit === undefined) {
  console.error('usage: hack/record-previous-agent.ts COMMIT');
  process.exit(2);
}
const hash = execFileSync('git', ['rev-parse', `${commit}^{commit}`], {cwd: root, encoding: 'utf8'}).trim();
const folder = await mkdtemp(path.join(tmpdir(), 'nexus-previous-'));
try {
  const archive = execFileSync('git', ['archive', hash], {cwd: root, maxBuffer: 2 ** 30});
  execFileSync('tar', ['-x', '-C', folder], {input: archive});
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  await writeFile(path.join(folder, 'previous.ts'), entry);
  const scripts = path.join(folder, 'agent/guest/scripts');
  const texts = Object.fromEntries(
    await Promise.all(
      (await readdir(scripts)).map(async file => [file, await readFile(path.join(scripts, file), 'utf8')]),
    ),
  );
  const {outputFiles} = await build({
    absWorkingDir: folder,
    entryPoints: ['previous.ts'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    minify: true,
    plugins: [
      {
        name: 'scripts',
        setup({onLoad}) {
          // What it reads from files beside it is part of the recording.
          onLoad({filter: /\/agent\/guest\/scripts\.ts$/}, async ({path: file}) => ({
            loader: 'ts',
            contents: (await readFile(file, 'utf8'))
              .replace(/^import .*\n/m, '')
              .replace(
                /^const read = .*$/m,
                `const texts = ${JSON.stringify(texts)};\nconst read = name => texts[name + '.sh'];`,
              ),
          }));
        },
      },
    ],
  });
  const target = path.join(root, 'test/fixtures/previous-agent.mjs');
  const code = outputFiles[0]?.text ?? '';
  await writeFile(target, `// Recorded by hack/record-previous-agent.ts from ${hash}.\n${code}`);
  console.log(`${path.relative(root, target)}: ${code.length} bytes of ${hash}`);
} finally {
  await rm(folder, {recursive: true, force: true});
}
