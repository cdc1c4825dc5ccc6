import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {startServer} from '../api/server/test-server.ts';
import type {CliBench} from './run-cli.ts';
import {createBench} from './run-cli.ts';

const shortForm = 'name: shop\nservices: {web: {command: npm start, port: 3000}}\n';
const manifest = `apiVersion: nexus.dev/v1alpha1
kind: Workspace
metadata: {name: plain, labels: {app: shop}}
spec: {repo: {name: shop, url: https://github.com/ada/shop.git}}
---
apiVersion: nexus.dev/v1alpha1
kind: Node
metadata: {name: box}
spec: {address: 10.0.0.7}
`;

async function commitShop({folder, git, write}: CliBench): Promise<void> {
  await mkdir(path.join(folder, '.nexus'));
  await write('.nexus/config.yaml', shortForm);
  await git('init', '--quiet', '--initial-branch', 'main');
  await git('add', '.');
  await git('commit', '--quiet', '--message', 'begin');
}

test('a manifest of several resources is created, then unchanged, then configured', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await bench.write('all.yaml', manifest);
  const created = await bench.nexus(['apply', '-f', 'all.yaml']);
  t.deepEqual(created, {code: 0, stdout: 'workspace/plain created\nnode/box created\n', stderr: ''});
  const again = await bench.nexus(['apply', '-f', 'all.yaml']);
  t.is(again.stdout, 'workspace/plain unchanged\nnode/box unchanged\n');
  await bench.write('all.yaml', manifest.replace('10.0.0.7', '10.0.0.8'));
  const changed = await bench.nexus(['apply', '-f', '.']);
  t.is(changed.stdout, 'workspace/plain unchanged\nnode/box configured\n');
  t.is((await server.client.get('Node', 'box')).spec.address, '10.0.0.8');
});

test('a dry run says what would be, and changes nothing', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  const {code, stdout} = await bench.nexus(['apply', '-f', '-', '--dry-run'], {stdin: manifest});
  t.is(code, 0);
  t.is(stdout, 'workspace/plain created (dry run)\nnode/box created (dry run)\n');
  t.is((await server.client.list('Workspace')).items.length, 0);
});

test('a dry run of a working copy without a remote goes through, and uploads nothing', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await commitShop(bench);
  const dry = await bench.nexus(['apply', '--dry-run', '-o', 'jsonpath={.spec.repo.bundle.digest}']);
  t.is(dry.code, 0, dry.stderr);
  t.false(await server.client.bundles.has(dry.stdout.trim()));
  await bench.nexus(['apply']);
  const {spec} = await server.client.get('Workspace', 'shop');
  t.is(dry.stdout.trim(), spec.repo?.bundle?.digest ?? '');
});

test('a working copy without a remote is uploaded once, and its workspace belongs to the caller', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await commitShop(bench);
  const first = await bench.nexus(['apply', '-f', '.nexus/config.yaml']);
  t.is(first.code, 0, first.stderr);
  t.is(first.stdout, 'workspace/shop created\n');
  t.regex(first.stderr, /^Uploading the commits of /);
  const {spec} = await server.client.get('Workspace', 'shop');
  t.is(spec.owner, 'admin');
  t.is(spec.repo?.branch, 'main');
  t.is(spec.repo?.bundle?.commit, await bench.git('rev-parse', 'HEAD'));
  t.true(await server.client.bundles.has(spec.repo?.bundle?.digest ?? ''));

  const second = await bench.nexus(['apply']);
  t.deepEqual(second, {code: 0, stdout: 'workspace/shop unchanged\n', stderr: ''});
});

test('work that is not committed is warned of and left out; a new commit is uploaded', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await commitShop(bench);
  await bench.nexus(['apply']);
  await bench.write('new.txt', 'x');
  const dirty = await bench.nexus(['apply']);
  t.is(dirty.stdout, 'workspace/shop unchanged\n');
  t.regex(dirty.stderr, /^warning: what is not committed/);
  await bench.git('add', '.');
  await bench.git('commit', '--quiet', '--message', 'more');
  t.is((await bench.nexus(['apply'])).stdout, 'workspace/shop configured\n');
  t.is(
    (await server.client.get('Workspace', 'shop')).spec.repo?.bundle?.commit,
    await bench.git('rev-parse', 'HEAD'),
  );
});

test('a short form leaves a stopped workspace stopped', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await commitShop(bench);
  await bench.nexus(['apply']);
  await bench.nexus(['workspace', 'stop', 'shop']);
  t.is((await bench.nexus(['apply'])).stdout, 'workspace/shop unchanged\n');
  t.false((await server.client.get('Workspace', 'shop')).spec.running);
});

test('without a configuration one is generated from what the repository holds', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await bench.write('package.json', '{"scripts": {"start": "node ."}}');
  await bench.git('init', '--quiet');
  await bench.git('add', '.');
  await bench.git('commit', '--quiet', '--message', 'begin');
  const {code, stderr} = await bench.nexus(['apply']);
  t.is(code, 0, stderr);
  t.regex(stderr, /Node\.js \(package\.json\)/);
  const [workspace] = (await server.client.list('Workspace')).items;
  t.is(workspace?.spec.services[0]?.command, 'npm run start');
});

test('a shallow clone is refused with the cure', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await commitShop(bench);
  await bench.git('commit', '--quiet', '--allow-empty', '--message', 'second');
  await bench.git('clone', '--quiet', '--depth', '1', `file://${bench.folder}`, 'shallow');
  await bench.git('-C', 'shallow', 'remote', 'remove', 'origin');
  const {code, stderr} = await bench.nexus(['apply'], {cwd: path.join(bench.folder, 'shallow')});
  t.is(code, 2);
  t.regex(stderr, /git fetch --unshallow/);
});

test('a repository without a commit is refused with the cure', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await bench.git('init', '--quiet');
  await bench.write('short.yaml', shortForm);
  const {code, stderr} = await bench.nexus(['apply', '-f', 'short.yaml']);
  t.is(code, 2);
  t.regex(stderr, /has no commit yet\nhint: .*git commit/s);
});

test('all that is wrong in any file is told, with its place, and nothing is changed', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await bench.write('a.yaml', manifest);
  await bench.write('b.yaml', 'name: x\nservces: {}\n');
  await bench.write('c.yaml', manifest.replace('kind: Node', 'kind: Nod').replace('plain', 'Plain'));
  const {code, stdout, stderr} = await bench.nexus(['apply', '-f', '.']);
  t.is(code, 2);
  t.is(stdout, '');
  t.regex(stderr, /b\.yaml: servces unknown field; did you mean services\? \(line 2, column 1\)/);
  t.regex(stderr, /c\.yaml: metadata\.name must consist of lower case .* \(line 3, column 12\)/);
  t.regex(stderr, /c\.yaml: kind Nod is not known; did you mean Node\? \(line 7, column 1\)/);
  t.is((await server.client.list('Workspace')).items.length, 0);
});

test('a change that needs a new container is refused, shown by diff, and allowed for that very spec only', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await bench.nexus(['apply', '-f', '-'], {stdin: manifest});
  const stored = await server.client.get('Workspace', 'plain');
  await server.client.updateStatus('Workspace', {
    ...stored,
    status: {instance: {name: 'nexus-x', state: 'Running', observedAt: '2026-01-01T00:00:00Z'}},
  });
  const changed = manifest.replace('spec: {repo', 'spec: {image: "ubuntu:22.04", repo');
  const refused = await bench.nexus(['apply', '-f', '-'], {stdin: changed});
  t.is(refused.code, 9);
  t.regex(refused.stderr, /would need a new container\n {2}spec\.image .*\nhint: .*--recreate/);
  t.is((await server.client.get('Workspace', 'plain')).spec.image, 'nexus/base');

  const shown = await bench.nexus(['diff', '-f', '-'], {stdin: changed});
  t.is(shown.code, 1);
  t.regex(shown.stdout, /^- {2}image: nexus\/base$/m);
  t.regex(shown.stdout, /^\+ {2}image: ubuntu:22\.04$/m);
  t.regex(shown.stdout, /A new container is needed/);

  t.is((await bench.nexus(['apply', '--recreate', '-f', '-'], {stdin: changed})).code, 0);
  const {metadata, spec} = await server.client.get('Workspace', 'plain');
  t.is(spec.image, 'ubuntu:22.04');
  t.regex(metadata.annotations?.['nexus.dev/recreate'] ?? '', /^[0-9a-f]{64}$/);
  t.is((await bench.nexus(['diff', '-f', '-'], {stdin: changed})).code, 0);
});

test('a manifest that carries an old resourceVersion is a conflict', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await bench.nexus(['apply', '-f', '-'], {stdin: manifest});
  const {stdout: printed} = await bench.nexus(['get', 'node', 'box', '-o', 'yaml']);
  await server.client.patch('Node', 'box', {patch: {spec: {unschedulable: true}}});
  const {code, stderr} = await bench.nexus(['apply', '-f', '-'], {
    stdin: printed.replace('10.0.0.7', '10.0.0.9'),
  });
  t.is(code, 8, stderr);
  t.is((await server.client.get('Node', 'box')).spec.address, '10.0.0.7');
});

test('a file that is not there, a folder without manifests and --force alone are usage errors', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  for (const argv of [
    ['apply', '-f', 'missing.yaml'],
    ['apply', '-f', '.'],
    ['apply', '--force'],
    ['apply', '-o', 'jsn'],
  ]) {
    const {code, stderr} = await bench.nexus(argv);
    t.is(code, 2, argv.join(' '));
    t.regex(stderr, /^error: /);
  }
});
