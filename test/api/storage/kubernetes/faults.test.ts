import assert from 'node:assert/strict';
import test from 'ava';
import {systemClock} from '../../../../api/effects/clock.ts';
import {silentLogger} from '../../../../api/effects/logger.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import type {KubernetesStorage} from '../../../../api/storage/kubernetes/kubernetes-storage.ts';
import {openKubernetesStorage} from '../../../../api/storage/kubernetes/kubernetes-storage.ts';
import {isLater} from '../../../../api/storage/resource-version.ts';
import type {Term} from '../../../../api/storage/term.ts';
import {createInformer} from '../../../../controller/informer/informer.ts';
import {aWorkspace, withSpec} from '../../../contracts/storage/samples.ts';
import {eventually} from '../../../e2e/eventually.ts';
import {aborted} from './aborted.ts';
import type {ApiServerProcess} from './api-server-process.ts';
import {findApiServerProcess} from './api-server-process.ts';
import type {Cluster} from './cluster.ts';
import {needsCluster, startCluster} from './cluster.ts';
import type {FaultyProxy} from './faulty-proxy.ts';
import {startFaultyProxy} from './faulty-proxy.ts';

const cluster = await startCluster();
if (cluster?.folder === undefined) {
  needsCluster('faults (NEXUS_ENVTEST)');
} else {
  register(cluster, cluster.folder);
}

const effects = {clock: systemClock, random: systemRandom};

/** Fails as `name` says while one store writes, and another, behind the proxy, watches. */
type Fault = (parts: {
  proxy: FaultyProxy;
  server: ApiServerProcess;
  write: () => Promise<void>;
}) => Promise<void>;

function register({kubeconfig, ...own}: Cluster, folder: string): void {
  let proxy: FaultyProxy;
  let server: ApiServerProcess;
  test.before(async () => {
    proxy = await startFaultyProxy(kubeconfig);
    server = await findApiServerProcess(folder, kubeconfig);
  });
  test.after.always(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await own[Symbol.asyncDispose]();
  });

  const open = (through: string, namespace: string) =>
    openKubernetesStorage({
      ...effects,
      kubeconfig: through,
      namespace,
      times: {silence: 1500, bookmark: 500},
    });

  const faults: readonly (readonly [name: string, fault: Fault])[] = [
    [
      'connections are cut again and again',
      async ({proxy: between, write}) => {
        for (let round = 0; round < 8; round += 1) {
          await write();
          between.cut();
          await write();
        }
      },
    ],
    [
      'connections stay open and nothing comes through',
      async ({proxy: between, write}) => {
        between.freeze();
        await write();
        const before = between.accepted();
        // The silence is noticed, and another connection tried.
        await eventually(async () => assert.ok(between.accepted() > before));
        await write();
        between.thaw();
        await write();
      },
    ],
    [
      'the API server is killed and started again',
      async ({server: process, write}) => {
        await write();
        await process.kill();
        await process.start();
        await write();
      },
    ],
  ];

  for (const [name, fault] of faults) {
    test.serial(`when ${name}, a watch tells every change once and in order`, async t => {
      const namespace = `faults-${name.length}`;
      await using writer = await open(kubeconfig, namespace);
      await using reader = await open(proxy.kubeconfig, namespace);
      const {resourceVersion} = await reader.list('Workspace');
      const abort = new AbortController();
      t.teardown(() => abort.abort());
      const seen: string[] = [];
      const watching = (async () => {
        for await (const event of reader.watch('Workspace', {resourceVersion, signal: abort.signal})) {
          if (event.type !== 'BOOKMARK') {
            seen.push(event.object.metadata.resourceVersion);
          }
        }
      })();
      const written: string[] = [];
      const write = createWrites(writer, written);
      await write();
      await fault({proxy, server, write});
      await write();
      await eventually(async () => assert.deepEqual(seen, written), {timeout: 45_000});
      abort.abort();
      await watching;
      t.deepEqual(
        seen,
        seen.toSorted((a, b) => (isLater(a, b) ? 1 : -1)),
      );
    });
  }

  test.serial(
    'when nothing comes through, a leader stops to act before another leads, and follows then',
    async t => {
      await using other = await open(kubeconfig, 'lease');
      await using held = await open(proxy.kubeconfig, 'lease');
      const stopping = new AbortController();
      t.teardown(() => stopping.abort());
      const leaders: {name: string; term: Term}[] = [];
      const compete = (storage: KubernetesStorage, identity: string) => {
        const elector = storage.elector({
          identity,
          times: {duration: 3000, deadline: 2000, retry: 300},
          async lead(term, until) {
            for (const {name, term: earlier} of leaders) {
              t.throws(earlier.check, undefined, `${name} may still act`);
            }

            leaders.push({name: identity, term});
            await aborted(AbortSignal.any([term.signal, until]));
          },
        });
        return {elector, running: elector.run(stopping.signal)};
      };
      const first = compete(held, 'first');
      await eventually(async () => assert.equal(leaders.length, 1));
      proxy.freeze();
      const second = compete(other, 'second');
      try {
        await eventually(async () => assert.equal(leaders.length, 2));
      } finally {
        proxy.thaw();
        proxy.cut();
      }

      t.deepEqual(
        leaders.map(({name}) => name),
        ['first', 'second'],
      );
      await eventually(async () =>
        assert.deepEqual(first.elector.standing(), {leading: false, leader: 'second', heard: true}),
      );
      stopping.abort();
      await Promise.all([first.running, second.running]);
    },
  );

  test.serial(
    'when what was missed is no longer kept, a watch is Expired, and an informer has all there is',
    async t => {
      await using writer = await open(kubeconfig, 'compacted');
      await using reader = await open(proxy.kubeconfig, 'compacted');
      const write = createWrites(writer, []);
      await write();
      const abort = new AbortController();
      t.teardown(() => abort.abort());
      const informer = createInformer({
        ...effects,
        storage: reader,
        kind: 'Workspace',
        log: silentLogger,
        indexes: {},
      });
      const running = informer.run(abort.signal);
      await informer.synced(abort.signal);
      const {resourceVersion} = await reader.list('Workspace');

      proxy.freeze();
      await write();
      await writer.delete('Workspace', 'w1');
      await server.compact();
      await server.kill();
      await server.start();
      await write();
      proxy.thaw();
      proxy.cut();

      await eventually(
        async () => {
          const {items} = await writer.list('Workspace');
          assert.deepEqual(
            informer.list().toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)),
            items,
          );
        },
        {timeout: 60_000},
      );
      t.true(informer.list().length > 0);
      for (const fields of [{}, {'spec.image': 'x'}]) {
        const watch = reader.watch('Workspace', {resourceVersion, fields, signal: abort.signal});
        await t.throwsAsync(async () => watch[Symbol.asyncIterator]().next(), {code: 'Expired'});
      }

      abort.abort();
      await running;
    },
  );
}

/** Each call creates a workspace, changes it, and deletes the one of two calls before; versions of all that go to `written`. */
function createWrites(storage: KubernetesStorage, written: string[]): () => Promise<void> {
  let count = 0;
  return async () => {
    const created = await storage.create('Workspace', aWorkspace(`w${count}`));
    written.push(created.metadata.resourceVersion);
    const changed = await storage.update('Workspace', withSpec(created, {running: false}));
    written.push(changed.metadata.resourceVersion);
    if (count >= 2) {
      const gone = await storage.delete('Workspace', `w${count - 2}`);
      written.push(gone.metadata.resourceVersion);
    }

    count += 1;
  };
}
