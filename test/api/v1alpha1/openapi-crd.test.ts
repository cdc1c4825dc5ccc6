import {execFile} from 'node:child_process';
import {access, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import {stringify} from 'yaml';
import {customResourceDefinition} from '../../../api/v1alpha1/openapi-crd.ts';
import {servedKinds} from '../../../api/v1alpha1/validate.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');

test('the files in crds/ are what the schemas say', async t => {
  const {stderr} = await run(process.execPath, [join(root, 'hack/generate-crds.ts'), '--check']);
  t.is(stderr, '');
});

for (const kind of servedKinds) {
  test(`the schema of ${kind} is structural`, t => {
    const text = JSON.stringify(customResourceDefinition(kind));
    t.notRegex(text, /"(?:\$ref|const|anyOf|oneOf|allOf|propertyNames|\$schema)":/);
    t.notRegex(text, /"additionalProperties":(?:false|true|\{\})/);
    t.notRegex(text, /\(\?[=!<]/);
    t.notRegex(text, /9007199254740991/);
  });
}

/** A real API server: one that is given, or one that is started by the script that NEXUS_ENVTEST names or that is beside the checkout. */
async function findKubeconfig(): Promise<{kubeconfig: string; stop(): Promise<unknown>} | undefined> {
  const given = process.env.NEXUS_TEST_KUBECONFIG;
  if (given !== undefined) {
    return {kubeconfig: given, stop: async () => undefined};
  }

  const folder = process.env.NEXUS_ENVTEST ?? join(root, '../shared/envtest');
  try {
    await access(join(folder, 'up'));
    await run('kubectl', ['version', '--client']);
  } catch {
    return undefined;
  }

  const directory = await mkdtemp(join(tmpdir(), 'nexus-envtest-'));
  const {stdout} = await run(join(folder, 'up'), [directory]);
  return {
    kubeconfig: stdout.trim(),
    async stop() {
      await run(join(folder, 'down'), [directory]);
      await rm(directory, {recursive: true, force: true, maxRetries: 5, retryDelay: 100});
    },
  };
}

test('a real API server takes the definitions, fills in defaults, and refuses what is wrong', async t => {
  const cluster = await findKubeconfig();
  if (cluster === undefined) {
    t.log('SKIPPED: needs kubectl and a Kubernetes API server (NEXUS_TEST_KUBECONFIG or NEXUS_ENVTEST)');
    t.pass();
    return;
  }

  t.teardown(() => cluster.stop());
  const kubectl = (args: readonly string[], input = ''): Promise<string> => {
    const running = run('kubectl', ['--kubeconfig', cluster.kubeconfig, ...args]);
    running.child.stdin?.end(input);
    return running.then(({stdout}) => stdout);
  };

  const definitions = servedKinds.map(kind => stringify(customResourceDefinition(kind))).join('---\n');
  await kubectl(['apply', '-f', '-'], definitions);
  await kubectl([
    'wait',
    '--for=condition=Established',
    ...servedKinds.map(kind => `crd/${kind.toLowerCase()}s.nexus.dev`),
  ]);
  t.notRegex(
    await kubectl(['get', 'crds', '-o', 'jsonpath={.items[*].status.conditions[*].type}']),
    /NonStructuralSchema/,
  );

  const manifest = (spec: object) =>
    JSON.stringify({apiVersion: 'nexus.dev/v1alpha1', kind: 'Workspace', metadata: {name: 'web'}, spec});
  await kubectl(
    ['apply', '-f', '-'],
    manifest({owner: 'ada', services: [{name: 'api', command: 'npm start'}]}),
  );
  const {spec} = JSON.parse(await kubectl(['get', 'ws', 'web', '-o', 'json']));
  t.like(spec, {provider: 'lxc', image: 'nexus/base', running: true, resources: {cpus: 2, memory: '4GiB'}});
  t.is(spec.services[0].restart, 'always');
  t.regex(await kubectl(['get', 'ws']), /NAME +PHASE +READY +NODE +SSH +AGE/);
  await t.throwsAsync(
    kubectl(['apply', '-f', '-'], manifest({owner: 'ada', services: [{name: 'a', command: 'x', port: 0}]})),
    {
      message: /spec\.services\[0\]\.port/,
    },
  );
  await t.throwsAsync(kubectl(['apply', '-f', '-'], manifest({provider: 'lxd', owner: 'ada'})), {
    message: /spec\.provider/,
  });
});
