import {access, mkdtemp, readdir, realpath, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test from 'ava';
import {stringify} from 'yaml';
import {systemRandom} from '../../../../../api/effects/random.ts';
import {selfSignedCertificate} from '../../../../../cli/server/self-signed-certificate.ts';
import {runProgram} from '../../../../e2e/program.ts';
import {findCluster, needsCluster} from '../../../storage/kubernetes/cluster.ts';
import {startServer} from '../../test-server.ts';

/** The same commands of kubectl, in every version at hand, to a real API server with Nexus's definitions and to Nexus on SQLite. */
const cluster = await findCluster();
const programs = await findPrograms();
if (cluster === undefined) {
  needsCluster('commands of kubectl');
} else {
  test.after.always(() => cluster[Symbol.asyncDispose]());

  for (const [index, program] of programs.entries()) {
    test.serial(`like a cluster: commands of ${path.basename(program)} (${index})`, async t => {
      const namespace = `nexus-commands-${process.pid}-${index}`;
      await cluster.kubectl(['create', 'namespace', namespace]).catch(() => undefined);
      await using nexus = await startNexus();
      const sides = [
        {kubeconfig: nexus.kubeconfig, namespace: 'default'},
        {kubeconfig: cluster.kubeconfig, namespace},
      ];
      for (const {args, input = ''} of commands) {
        const [ours, theirs] = await Promise.all(
          sides.map(async side => {
            const {code, stdout, stderr} = await runProgram(
              program,
              ['--kubeconfig', side.kubeconfig, '-n', side.namespace, ...args],
              {cwd: nexus.folder, env: {...process.env, HOME: nexus.folder}, stdin: input},
            );
            return {code, stdout: mask(stdout, side.namespace), stderr: mask(stderr, side.namespace)};
          }),
        );
        t.deepEqual(ours, theirs, `kubectl ${args.join(' ')}`);
      }
    });
  }
}

type Command = {readonly args: readonly string[]; readonly input?: string};

const workspace = (spec: object) =>
  JSON.stringify({
    apiVersion: 'nexus.dev/v1alpha1',
    kind: 'Workspace',
    metadata: {name: 'hello', finalizers: ['nexus.dev/instance'], labels: {app: 'x'}},
    spec: {owner: 'admin', services: [{name: 'web', command: 'npm start', port: 3000}], ...spec},
  });
const node = JSON.stringify({
  apiVersion: 'nexus.dev/v1alpha1',
  kind: 'Node',
  metadata: {name: 'box'},
  spec: {address: '10.0.0.1'},
});

const commands: readonly Command[] = [
  {args: ['apply', '-f', '-'], input: workspace({})},
  {args: ['apply', '-f', '-'], input: workspace({})},
  {args: ['get', 'ws', 'hello', '-o', 'wide']},
  {args: ['get', 'workspaces.nexus.dev', '--show-labels', '-l', 'app=x']},
  {args: ['explain', 'workspace.spec.services.healthCheck']},
  {args: ['label', 'ws', 'hello', 'tier=web']},
  {args: ['patch', 'ws', 'hello', '--type=merge', '-p', '{"spec":{"running":false}}']},
  {args: ['patch', 'ws', 'hello', '--type=json', '-p', '[{"op":"remove","path":"/metadata/labels/tier"}]']},
  {args: ['patch', 'ws', 'hello', '-p', '{"spec":{"running":true}}']},
  {
    args: ['apply', '--server-side', '--field-manager=other', '-f', '-'],
    input: workspace({running: true, image: 'x/y'}),
  },
  {
    args: ['apply', '--server-side', '--field-manager=other', '--force-conflicts', '-f', '-'],
    input: workspace({running: true, image: 'x/y'}),
  },
  {args: ['apply', '--dry-run=server', '-f', '-'], input: workspace({image: 'a/b'})},
  {args: ['diff', '-f', '-'], input: workspace({running: true, image: 'x/y'})},
  {args: ['get', 'ws', 'hello', '-o', 'jsonpath={.spec} {.metadata.labels} {.metadata.finalizers}']},
  {args: ['create', '-f', '-'], input: workspace({})},
  {args: ['apply', '-f', '-'], input: workspace({image: ' '})},
  {args: ['apply', '-f', '-'], input: node},
  {args: ['replace', '-f', '-'], input: node},
  {args: ['wait', '--for=jsonpath={.spec.address}=10.0.0.1', 'nxno/box', '--timeout=20s']},
  {args: ['delete', 'nxno', 'box']},
];

/** The one on PATH, others that are installed beside it, and the one in $NEXUS_TEST_KUBECTL. */
async function findPrograms(): Promise<string[]> {
  const folders = (process.env.PATH ?? '').split(':');
  const present = async (file: string) =>
    access(file).then(
      () => true,
      () => false,
    );
  const found: string[] = [];
  for (const folder of folders) {
    const file = path.join(folder, 'kubectl');
    if (found.length === 0 && (await present(file))) {
      const home = path.dirname(await realpath(file));
      const versions = (await readdir(home)).filter(name => /^kubectl\.\d+\.\d+$/.test(name)).sort();
      // The oldest and the newest stand for those between.
      const ends = [...new Set([versions[0] ?? [], versions.at(-1) ?? []].flat())];
      found.push(file, ...ends.map(name => path.join(home, name)));
    }
  }

  const given = process.env.NEXUS_TEST_KUBECTL;
  return given === undefined ? found : [...found, given];
}

async function startNexus() {
  const now = Date.now();
  const alsoTls = selfSignedCertificate({
    hosts: ['127.0.0.1'],
    notBefore: now - 3_600_000,
    notAfter: now + 3_600_000,
    random: systemRandom,
  });
  const server = await startServer({}, {alsoTls});
  const folder = await mkdtemp(path.join(tmpdir(), 'nexus-kubectl-'));
  const kubeconfig = path.join(folder, 'config');
  const name = 'nexus';
  await writeFile(
    kubeconfig,
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name,
          cluster: {
            server: server.url.replace('http:', 'https:'),
            'certificate-authority-data': Buffer.from(alsoTls.certificate).toString('base64'),
          },
        },
      ],
      users: [{name, user: {token: server.adminToken}}],
      contexts: [{name, context: {cluster: name, user: name}}],
      'current-context': name,
    }),
    {mode: 0o600},
  );
  return {
    kubeconfig,
    folder,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(folder, {recursive: true, force: true});
    },
  };
}

/** Times, ages, uids, versions, the namespace, and names of temporary files. */
function mask(text: string, namespace: string): string {
  return text
    .replaceAll(namespace, 'default')
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^\s"]*/g, 'TIME')
    .replaceAll(/resourceVersion: "\d+"/g, 'resourceVersion: VERSION')
    .replaceAll(/\b\d+s\b/g, 'AGE')
    .replaceAll(/ +/g, ' ')
    .replaceAll(/\/tmp\/(?:LIVE|MERGED)-\d+/g, 'FILE');
}
