import assert from 'node:assert/strict';
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {parse} from 'yaml';
import {z} from 'zod';
import {createClient} from '../../../../api/client/client.ts';
import {systemClock} from '../../../../api/effects/clock.ts';
import {silentLogger} from '../../../../api/effects/logger.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import type {KubernetesStorage} from '../../../../api/storage/kubernetes/kubernetes-storage.ts';
import {openKubernetesStorage} from '../../../../api/storage/kubernetes/kubernetes-storage.ts';
import type {Kind} from '../../../../api/v1alpha1/kinds.ts';
import {kinds} from '../../../../api/v1alpha1/kinds.ts';
import {apiVersion} from '../../../../api/v1alpha1/metadata.ts';
import {serve} from '../../../../cli/server/serve.ts';
import {createBench} from '../../../cli/run-cli.ts';
import {aWorkspace, finalizer, take, withMetadata, withPorts} from '../../../contracts/storage/samples.ts';
import {eventually} from '../../../e2e/eventually.ts';
import {noInstaller} from '../../../fakes/no-installer.ts';
import {findCluster, needsCluster} from './cluster.ts';
import type {GuardedApi} from './guarded-api.ts';
import {grantsOf, roleRule, startGuardedApi} from './guarded-api.ts';

/** A server in a pod: with what Kubernetes gives it, and with what the Role in manifests/ lets it do. */
const role = path.join(import.meta.dirname, '../../../../manifests/kubernetes/role.yaml');
const {rules} = z.object({rules: z.array(roleRule)}).parse(parse(await readFile(role, 'utf8')));
const effects = {clock: systemClock, random: systemRandom};

const cluster = await findCluster();
if (cluster === undefined) {
  needsCluster('pods');
} else {
  test.after.always(() => cluster[Symbol.asyncDispose]());
  const {kubeconfig, kubectl} = cluster;
  let count = 0;
  const start = async (): Promise<GuardedApi> => {
    count += 1;
    const namespace = `nexus-test-pod-${process.pid}-${count}`;
    await kubectl(['create', 'namespace', namespace]).catch(() => undefined);
    return startGuardedApi(kubeconfig, {namespace, rules});
  };
  const open = async (pod: GuardedApi, options: object = {}): Promise<KubernetesStorage> => {
    Object.assign(process.env, pod.env);
    return openKubernetesStorage({podRoot: pod.root, ...effects, ...options});
  };

  test.serial(
    'a server can do all that it has to by the Role in manifests/, and the Role allows nothing else',
    async t => {
      await using pod = await start();
      await pod.setToken('first');
      // What is gone is forgotten at once.
      await using storage = await open(pod, {retention: {deleted: -60_000}});
      await exercise(storage, async ({port, ...of}) => {
        const spec = {node: 'box', port, ...of, attempt: 'a', acquiredAt: '2026-11-28T03:00:00.000Z'};
        const metadata = {name: `box.${port}`, namespace: pod.namespace};
        const claim = {apiVersion, kind: 'PortClaim', metadata, spec};
        await kubectl(['create', '-f', '-'], JSON.stringify(claim));
      });
      t.deepEqual([...pod.denied], []);
      // Events for kubectl describe are written a moment later.
      await eventually(() => assert.deepEqual([...pod.used].toSorted(), [...grantsOf(rules)].toSorted()));
      t.pass();
    },
  );

  test.serial('a whole server runs by it, with an empty home and an empty Secret', async t => {
    await using pod = await start();
    await using bench = await createBench();
    await pod.setToken('first');
    Object.assign(process.env, pod.env);
    await using server = await serve({
      home: bench.home,
      store: {kind: 'kubernetes', podRoot: pod.root},
      host: '127.0.0.1',
      port: 0,
      localNode: false,
      connect: async () => {
        throw new Error('there are no nodes in this test');
      },
      installer: noInstaller,
      version: '0.0.1-test',
      log: silentLogger,
      ...effects,
    });
    const token = (await readFile(path.join(bench.home, 'admin-token'), 'utf8')).trim();
    await using client = createClient({url: server.url, token});
    await client.apply('Workspace', aWorkspace('a', {spec: {owner: 'admin'}}), {name: 'a'});
    // Which the leader alone writes.
    await eventually(async () => assert.equal((await client.get('Workspace', 'a')).status?.phase, 'Pending'));
    t.deepEqual([...pod.denied], []);
  });

  test.serial(
    'a token that is replaced is read again, at the latest when the old one is refused',
    async t => {
      await using pod = await start();
      await pod.setToken('first');
      await using storage = await open(pod);
      await storage.create('Workspace', aWorkspace('a'));
      await pod.setToken('second');
      t.is((await storage.get('Workspace', 'a')).metadata.name, 'a');
      await pod.setToken('third', false);
      await t.throwsAsync(storage.get('Workspace', 'a'), {name: 'ApiServerError', code: 401});
      await pod.setToken('third');
      t.is((await storage.get('Workspace', 'a')).metadata.name, 'a');
    },
  );

  test.serial('an API server whose certificate is not of the cluster is not spoken to', async t => {
    await using pod = await start();
    await using other = await start();
    await pod.setToken('first');
    await writeFile(
      path.join(pod.root, 'var/run/secrets/kubernetes.io/serviceaccount/ca.crt'),
      await readFile(path.join(other.root, 'var/run/secrets/kubernetes.io/serviceaccount/ca.crt')),
    );
    await using storage = await open(pod);
    const error = await t.throwsAsync(storage.ping(), {name: 'ApiServerError'});
    t.regex(error.message, /can't be reached .*certificate/);
    t.is(pod.used.size + pod.denied.size, 0);
  });
}

type LeaveClaim = (claim: {
  readonly workspace: string;
  readonly uid: string;
  readonly version: string;
  readonly port: number;
}) => Promise<void>;

/** Everything that the port of stores has, and what a server does besides, so that each kind of request is made. */
async function exercise(storage: KubernetesStorage, leaveClaim: LeaveClaim): Promise<void> {
  await storage.beginEpoch();
  await storage.beginEpoch();
  await storage.keys.ensure(async () => ({installation: '0123ab'}));
  await storage.claimInstallation('0123ab');
  await lead(storage);
  for (const kind of Object.keys(kinds) as Kind[]) {
    const {resourceVersion} = await storage.list(kind);
    const abort = new AbortController();
    const events = storage.watch(kind, {resourceVersion, signal: abort.signal})[Symbol.asyncIterator]();
    const created = await storage.create(kind, kinds[kind].schema.parse(sample(kind)) as never);
    await storage.update(kind, {...created, metadata: {...created.metadata, labels: {a: 'b'}}} as never);
    await take(events, 2);
    abort.abort();
    await storage.get(kind, 'a');
    await storage.delete(kind, 'a');
  }

  for (const kind of ['Node', 'User'] as const) {
    const created = await storage.create(kind, kinds[kind].schema.parse(sample(kind)) as never);
    await storage.updateStatus(kind, {...created, status: {observedGeneration: 1}} as never);
  }

  const held = await storage.create('Workspace', aWorkspace('held', {metadata: {finalizers: [finalizer]}}));
  const {uid} = held.metadata;
  await storage.updateStatus('Workspace', withPorts(held, 'box', [2222, 2223]));
  const placed = await storage.get('Workspace', 'held');
  await storage.updateStatus('Workspace', withPorts(placed, 'box', [2222]));
  // A server that was killed before it wrote: the claim is taken up by its own workspace, and one that is not is fenced.
  const {resourceVersion: version} = (await storage.get('Workspace', 'held')).metadata;
  for (const port of [2224, 2225]) await leaveClaim({workspace: 'held', uid, version, port});
  await storage.updateStatus(
    'Workspace',
    withPorts(await storage.get('Workspace', 'held'), 'box', [2222, 2224]),
  );
  const {resourceVersion} = (await storage.get('Workspace', 'held')).metadata;
  await leaveClaim({workspace: 'held', uid, version: resourceVersion, port: 2226});
  await storage.maintain();

  // Twice: what is kept of the last deletion is replaced.
  for (let time = 0; time < 2; time += 1) {
    await storage.delete('Workspace', 'held');
    const last = await storage.get('Workspace', 'held');
    await storage.update('Workspace', withMetadata(last, {finalizers: []}));
    await storage.history('Workspace', 'held');
    if (time === 0) {
      await storage.create('Workspace', aWorkspace('held', {metadata: {uid, finalizers: [finalizer]}}));
    }
  }

  await storage.maintain();
}

/** Is the leader, and then no more. */
async function lead(storage: KubernetesStorage): Promise<void> {
  const stopping = new AbortController();
  const elector = storage.elector({identity: 'pod', lead: async () => stopping.abort()});
  await elector.run(stopping.signal);
}

function sample(kind: Kind): object {
  const specs: Readonly<Record<Kind, object>> = {
    Workspace: {owner: 'ada'},
    Node: {},
    User: {},
    Token: {user: 'ada', sha256: '0'.repeat(64)},
    Credential: {user: 'ada', host: 'git.example.com', ciphertext: ''},
    Event: {
      regarding: {kind: 'Workspace', name: 'a'},
      type: 'Normal',
      reason: 'Ready',
      message: '',
      actor: 'controller',
      firstTimestamp: '2026-11-28T03:00:00.000Z',
      lastTimestamp: '2026-11-28T03:00:00.000Z',
    },
  };
  return {apiVersion, kind, metadata: {name: 'a'}, spec: specs[kind]};
}
