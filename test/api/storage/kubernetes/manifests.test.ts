import {cp, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {PassThrough, Readable} from 'node:stream';
import test from 'ava';
import {parse, parseAllDocuments} from 'yaml';
import {z} from 'zod';
import {systemClock} from '../../../../api/effects/clock.ts';
import {createCli} from '../../../../cli/cli.ts';
import {buildProgram} from '../../../../cli/program.ts';
import {runProgram} from '../../../../cli/spawned.ts';
import {findCluster, needsCluster} from './cluster.ts';

const root = path.join(import.meta.dirname, '../../../..');

const cluster = await findCluster();
const labels = z.record(z.string(), z.string());
const deployment = z.object({
  spec: z.object({
    replicas: z.int(),
    selector: z.object({matchLabels: labels}),
    template: z.object({
      metadata: z.object({labels}),
      spec: z.object({
        serviceAccountName: z.string(),
        securityContext: z.object({
          runAsNonRoot: z.literal(true),
          seccompProfile: z.object({type: z.literal('RuntimeDefault')}),
        }),
        containers: z.tuple([
          z.object({
            args: z.array(z.string()),
            ports: z.array(z.object({name: z.string(), containerPort: z.int()})),
            volumeMounts: z.array(z.object({name: z.string(), mountPath: z.string()})),
            securityContext: z.object({
              allowPrivilegeEscalation: z.literal(false),
              readOnlyRootFilesystem: z.literal(true),
              capabilities: z.object({drop: z.tuple([z.literal('ALL')])}),
            }),
          }),
        ]),
        volumes: z.array(z.object({name: z.string()})),
        topologySpreadConstraints: z.array(z.object({labelSelector: z.object({matchLabels: labels})})),
      }),
    }),
  }),
});
const manifest = async (name: string): Promise<unknown> =>
  parse(await readFile(path.join(root, 'manifests/kubernetes', name), 'utf8'));

test('the arguments of the deployed server are ones that it has, and its ports those that it opens', async t => {
  const {template} = deployment.parse(await manifest('deployment.yaml')).spec;
  const [{args, ports}] = template.spec.containers;
  const stream = new PassThrough();
  const cli = createCli({
    env: {},
    cwd: root,
    home: root,
    stdin: Readable.from([]),
    stdout: stream,
    stderr: stream,
    signal: new AbortController().signal,
    clock: systemClock,
    version: '0',
  });
  const command = buildProgram(cli, () => {}).commands.find(each => each.name() === args[0]);
  t.is(command?.name(), 'server');
  const parsed = command?.parseOptions(args.slice(1));
  t.deepEqual(parsed, {operands: [], unknown: []});
  t.like(command?.opts(), {store: 'kubernetes', localNode: false});
  t.deepEqual(Object.fromEntries(ports.map(({name, containerPort}) => [name, String(containerPort)])), {
    api: command?.opts().port,
    ssh: command?.opts().gatewayPort,
  });
});

test('what selects the servers selects them, and what they mount is there', async t => {
  const {spec} = deployment.parse(await manifest('deployment.yaml'));
  const {metadata, spec: pod} = spec.template;
  t.is(spec.replicas, 2);
  const selector = z.object({spec: z.object({selector: z.object({matchLabels: labels})})});
  const service = z.object({
    spec: z.object({selector: labels, ports: z.array(z.object({targetPort: z.string()}))}),
  });
  const {selector: served, ports} = service.parse(await manifest('service.yaml')).spec;
  for (const selected of [
    spec.selector.matchLabels,
    selector.parse(await manifest('disruption-budget.yaml')).spec.selector.matchLabels,
    served,
    ...pod.topologySpreadConstraints.map(({labelSelector}) => labelSelector.matchLabels),
  ]) {
    t.deepEqual(selected, metadata.labels);
  }

  const [container] = pod.containers;
  t.deepEqual(
    ports.map(({targetPort}) => targetPort),
    container.ports.map(({name}) => name),
  );
  t.deepEqual(
    container.volumeMounts.map(({name}) => name).toSorted(),
    pod.volumes.map(({name}) => name).toSorted(),
  );
  const account = z.object({metadata: z.object({name: z.literal(pod.serviceAccountName)})});
  t.true(account.safeParse(await manifest('service-account.yaml')).success);
});

if (cluster === undefined) {
  needsCluster('manifests');
} else {
  test.after.always(() => cluster[Symbol.asyncDispose]());

  test('kubectl kustomize builds the base, with the very definitions that crds/ has, and the API server takes what it knows of it', async t => {
    const documents = parseAllDocuments(await build()).map(document => document.toJS());
    const kinds = documents.map(({kind}) => kind);
    const files = (await readdir(path.join(root, 'crds'))).filter(name => name.endsWith('.yaml'));
    t.is(kinds.filter(kind => kind === 'CustomResourceDefinition').length, files.length);
    for (const kind of [
      'Namespace',
      'ServiceAccount',
      'Role',
      'RoleBinding',
      'Secret',
      'Deployment',
      'PodDisruptionBudget',
      'Service',
    ]) {
      t.is(kinds.filter(each => each === kind).length, 1, kind);
    }

    const namespaced = documents.filter(
      ({kind}) => !['Namespace', 'CustomResourceDefinition'].includes(kind),
    );
    t.deepEqual([...new Set(namespaced.map(({metadata}) => metadata.namespace))], ['nexus']);
    const definitions = documents.filter(({kind}) => kind === 'CustomResourceDefinition');
    for (const definition of definitions) {
      const file = path.join(root, 'crds', `${definition.spec.names.plural}.yaml`);
      t.deepEqual(definition, parse(await readFile(file, 'utf8')));
    }

    const taken = await cluster.kubectl(
      ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '-f', '-'],
      definitions.map(definition => `---\n${JSON.stringify(definition)}\n`).join(''),
    );
    t.is(taken.match(/serverside-applied \(server dry run\)/g)?.length, files.length);
  });
}

/** By the kubectl at hand. One before 1.21 wants folders of resources to be told from files. */
async function build(): Promise<string> {
  const base = path.join(root, 'manifests/kubernetes');
  const {code, stdout, stderr} = await runProgram('kubectl', ['kustomize', base]);
  if (code === 0) return stdout;
  if (!/must be a file/.test(stderr)) throw new Error(stderr);
  const folder = await mkdtemp(path.join(tmpdir(), 'nexus-manifests-'));
  try {
    for (const part of ['crds', 'manifests']) {
      await cp(path.join(root, part), path.join(folder, part), {recursive: true});
    }

    const file = path.join(folder, 'manifests/kubernetes/kustomization.yaml');
    const {resources, ...rest} = parse(await readFile(file, 'utf8'));
    const isFile = (name: string) => name.endsWith('.yaml');
    const told = {
      ...rest,
      bases: resources.filter((name: string) => !isFile(name)),
      resources: resources.filter(isFile),
    };
    await writeFile(file, JSON.stringify(told));
    const again = await runProgram('kubectl', ['kustomize', path.dirname(file)]);
    if (again.code !== 0) throw new Error(again.stderr);
    return again.stdout;
  } finally {
    await rm(folder, {recursive: true});
  }
}
