import assert from 'node:assert/strict';
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {systemClock} from '../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import {openKubernetesStorage} from '../../../../api/storage/kubernetes/kubernetes-storage.ts';
import {openSqliteStorage} from '../../../../api/storage/sqlite/sqlite-storage.ts';
import type {CliBench} from '../../../cli/run-cli.ts';
import {createBench} from '../../../cli/run-cli.ts';
import {aWorkspace} from '../../../contracts/storage/samples.ts';
import {eventually} from '../../../e2e/eventually.ts';
import {findCluster, needsCluster} from './cluster.ts';
import type {GuardedApi} from './guarded-api.ts';
import {startGuardedApi} from './guarded-api.ts';

const effects = {clock: systemClock, random: systemRandom};
/** An administrator of the namespace, in which there are Secrets. */
const everything = {
  apiGroups: ['', 'nexus.dev', 'coordination.k8s.io'],
  resources: [
    ...['workspaces', 'nodes', 'users', 'events', 'tokens', 'credentials'].flatMap(each => [
      each,
      `${each}/status`,
    ]),
    ...['portclaims', 'tombstones', 'epochs', 'leases', 'secrets'],
  ],
  verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
};

const cluster = await findCluster();
if (cluster === undefined) {
  needsCluster('migration');
} else {
  test.after.always(() => cluster[Symbol.asyncDispose]());

  test('a store moves from one home into a cluster, and from there into another home, with all that belongs to it', async t => {
    const namespace = `nexus-test-migrate-${process.pid}`;
    await cluster.kubectl(['create', 'namespace', namespace]).catch(() => undefined);
    await using api = await startGuardedApi(cluster.kubeconfig, {namespace, rules: [everything]});
    await using first = await createBench();
    await using second = await createBench();
    const place = ['--kubeconfig', await kubeconfigOf(api, first)];
    await mkdir(first.home, {mode: 0o700});
    const file = path.join(first.home, 'nexus.sqlite');
    const created = await (async () => {
      await using storage = await openSqliteStorage({path: file, ...effects});
      return storage.create('Workspace', aWorkspace('a'));
    })();

    const there = await first.nexus(['store', 'migrate', '--to', 'kubernetes', ...place]);
    t.is(there.code, 0, there.stderr);
    t.regex(
      there.stderr,
      /^moving SQLite, .*\n +to Kubernetes, namespace nexus-test-migrate-.*\nall is copied: taking it into use\n$/,
    );
    t.regex(there.stdout, /^moved 1 Workspace\nnext: nexus server --store kubernetes --kubeconfig .*\n$/);
    const exported = await second.nexus(['store', 'export', '--store', 'kubernetes', ...place]);
    const [header = ''] = exported.stdout.split('\n');
    t.is(
      `${JSON.parse(header).installation}\n`,
      await readFile(path.join(first.home, 'installation'), 'utf8'),
    );

    const storage = await openKubernetesStorage({kubeconfig: place[1] ?? '', namespace, ...effects});
    t.is((await storage.get('Workspace', 'a')).metadata.uid, created.metadata.uid);
    await storage[Symbol.asyncDispose]();

    const back = await second.nexus(['store', 'migrate', '--to', 'sqlite', ...place]);
    t.is(back.code, 0, back.stderr);
    for (const name of ['installation', 'secret.key', 'gateway_host_key', 'admin-token', 'keys/id_ed25519']) {
      const [before, after] = [first, second].map(({home}) => readFile(path.join(home, name), 'utf8'));
      t.is(await after, await before, name);
    }

    await using arrived = await openSqliteStorage({path: path.join(second.home, 'nexus.sqlite'), ...effects});
    const {metadata} = await arrived.get('Workspace', 'a');
    t.deepEqual({...metadata, resourceVersion: ''}, {...created.metadata, resourceVersion: ''});
  });

  test('a home that is of another installation than the cluster is refused, and neither is touched', async t => {
    const namespace = `nexus-test-migrate-${process.pid}-other`;
    await cluster.kubectl(['create', 'namespace', namespace]).catch(() => undefined);
    await using bench = await createBench();
    await using storage = await openKubernetesStorage({
      kubeconfig: cluster.kubeconfig,
      namespace,
      ...effects,
    });
    await storage.create('Workspace', aWorkspace('a'));
    await storage.claimInstallation('0123ab');
    await mkdir(bench.home, {mode: 0o700});
    await writeFile(path.join(bench.home, 'installation'), 'ffffff\n');
    const {code, stderr} = await bench.nexus([
      ...['store', 'migrate', '--to', 'sqlite', '--kubeconfig', cluster.kubeconfig, '--namespace', namespace],
    ]);
    t.is(code, 1);
    t.regex(stderr, /the store was not moved: .*this home already serves another installation than 0123ab/);
    t.is(await storage.movable.mark(), undefined);
  });

  test('a store in a cluster that a server uses is not moved', async t => {
    const namespace = `nexus-test-migrate-${process.pid}-used`;
    await cluster.kubectl(['create', 'namespace', namespace]).catch(() => undefined);
    await using bench = await createBench();
    const {kubeconfig} = cluster;
    await using storage = await openKubernetesStorage({kubeconfig, namespace, ...effects});
    await using _lease = await storage.lock('another one', {duration: 3000, renewal: 300});
    const {code, stderr} = await bench.nexus([
      ...['store', 'migrate', '--to', 'sqlite', '--kubeconfig', kubeconfig, '--namespace', namespace],
    ]);
    t.is(code, 8);
    t.regex(stderr, /is in use by another one\. Stop that server first/);
  });

  test('who is interrupted while it waits for a store leaves it as it was', async t => {
    const namespace = `nexus-test-migrate-${process.pid}-waits`;
    await cluster.kubectl(['create', 'namespace', namespace]).catch(() => undefined);
    await using storage = await openKubernetesStorage({
      kubeconfig: cluster.kubeconfig,
      namespace,
      ...effects,
    });
    const holder = () =>
      cluster.kubectl([
        '-n',
        namespace,
        'get',
        'lease',
        'nexus-server',
        '-o',
        'jsonpath={.spec.holderIdentity}',
      ]);
    const first = await storage.lock('first');
    const abort = new AbortController();
    const second = storage.lock('second', undefined, abort.signal);
    abort.abort(new Error('enough'));
    await t.throwsAsync(second, {message: 'enough'});
    t.is(await holder(), 'first');
    await first[Symbol.asyncDispose]();

    // It has the lease, and waits for servers that do not lead to see that.
    const late = new AbortController();
    const third = storage.lock('third', {duration: 300_000, renewal: 2000}, late.signal);
    await eventually(async () => assert.equal(await holder(), 'third'));
    late.abort(new Error('enough'));
    await t.throwsAsync(third, {message: 'enough'});
    t.is(await holder(), '');
  });
}

/** As an administrator's. */
async function kubeconfigOf(api: GuardedApi, bench: CliBench): Promise<string> {
  await api.setToken('admin');
  const {KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port} = api.env;
  const authority = path.join(api.root, 'var/run/secrets/kubernetes.io/serviceaccount/ca.crt');
  return await bench.write(
    'kubeconfig',
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {name: 'a', cluster: {server: `https://${host}:${port}`, 'certificate-authority': authority}},
      ],
      users: [{name: 'a', user: {token: 'admin'}}],
      contexts: [{name: 'a', context: {cluster: 'a', user: 'a', namespace: api.namespace}}],
      'current-context': 'a',
    }),
  );
}
