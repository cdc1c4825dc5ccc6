import test from 'ava';
import fc from 'fast-check';
import {systemClock} from '../../../../api/effects/clock.ts';
import {silentLogger} from '../../../../api/effects/logger.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import type {Document} from '../../../../api/storage/document.ts';
import type {ApiResources} from '../../../../api/storage/kubernetes/api-resources.ts';
import {createApiResources} from '../../../../api/storage/kubernetes/api-resources.ts';
import {createApiServer} from '../../../../api/storage/kubernetes/api-server.ts';
import {loadClusterConfig} from '../../../../api/storage/kubernetes/cluster-config.ts';
import {createCredentials} from '../../../../api/storage/kubernetes/credentials.ts';
import {createEpochObject} from '../../../../api/storage/kubernetes/epoch.ts';
import {openKubernetesStorage} from '../../../../api/storage/kubernetes/kubernetes-storage.ts';
import {createMovableKubernetes} from '../../../../api/storage/kubernetes/movable-kubernetes.ts';
import {createPortClaims} from '../../../../api/storage/kubernetes/port-claims.ts';
import {createReader} from '../../../../api/storage/kubernetes/reader.ts';
import {createTombstones} from '../../../../api/storage/kubernetes/tombstones.ts';
import {moveStore} from '../../../../api/storage/moving/move-store.ts';
import {aWorkspace, withMetadata, withPorts, withSpec} from '../../../contracts/storage/samples.ts';
import {createFakeStore, Killed} from '../moving/fake-store.ts';
import {contentOfStore, inOrder, storeRecords, streamOf, withoutOwners} from '../moving/sample-records.ts';
import {findCluster, needsCluster} from './cluster.ts';

const effects = {clock: systemClock, random: systemRandom};
const {signal} = new AbortController();

const cluster = await findCluster();
if (cluster === undefined) {
  needsCluster('moving');
} else {
  test.after.always(() => cluster[Symbol.asyncDispose]());
  const {kubeconfig, kubectl} = cluster;
  let count = 0;
  const newNamespace = async () => {
    count += 1;
    const namespace = `nexus-test-moving-${process.pid}-${count}`;
    await kubectl(['create', 'namespace', namespace]).catch(() => undefined);
    return namespace;
  };
  const open = (namespace: string) => openKubernetesStorage({kubeconfig, namespace, ...effects});

  test('what is received is there to the last field, and nothing of what was there before is left', async t => {
    const namespace = await newNamespace();
    await using storage = await open(namespace);
    await fc.assert(
      fc.asyncProperty(storeRecords(12), async records => {
        await storage.movable.receive(streamOf(records), signal);
        t.deepEqual(withoutOwners(await contentOfStore(storage.movable)), withoutOwners(inOrder(records)));
      }),
      {numRuns: 12},
    );
    await storage.movable.receive(streamOf([]), signal);
    t.deepEqual(await contentOfStore(storage.movable), []);
    t.is(
      await kubectl(['get', 'portclaims,tombstones', '-n', namespace, '-o', 'name', '--ignore-not-found']),
      '',
    );
  });

  test('annotations that only this store writes do not come along from another, and do not keep anything from moving', async t => {
    const namespace = await newNamespace();
    await using storage = await open(namespace);
    const metadata = {
      uid: 'u1',
      resourceVersion: '0',
      generation: 3,
      creationTimestamp: '2026-01-01T00:00:00Z',
    };
    const plain = aWorkspace('web');
    const object = {...plain, metadata: {...plain.metadata, ...metadata}};
    const annotations = {
      'nexus.dev/identity': 'web/another',
      'nexus.dev/initial-status': '{"phase":"Running"}',
    };
    const poisoned = {...object, metadata: {...object.metadata, annotations}};
    const records = () => streamOf([{type: 'object' as const, object: poisoned}]);
    await storage.movable.receive(records(), signal);
    const first = await storage.get('Workspace', 'web');
    t.is(first.metadata.uid, 'u1');
    t.is(first.metadata.generation, 3);
    t.is(first.metadata.annotations, undefined);
    t.is(first.status, undefined);
    await storage.movable.receive(records(), signal);
    t.is((await storage.get('Workspace', 'web')).metadata.resourceVersion, first.metadata.resourceVersion);
  });

  test('a move into a cluster that is killed at any request is run again, and ends the same', async t => {
    const [records = []] = fc.sample(
      storeRecords(7).filter(({length}) => length > 4),
      {numRuns: 1, seed: 5},
    );
    const source = createFakeStore('here', records);
    const namespace = await newNamespace();
    for (let requests = 0; ; requests += 1) {
      const api = await dyingApi(kubeconfig, namespace, requests);
      try {
        await moveStore({source, destination: api.movable, ...effects, signal});
        break;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      } finally {
        await api[Symbol.asyncDispose]();
      }
    }

    await using storage = await open(namespace);
    t.deepEqual(withoutOwners(await contentOfStore(storage.movable)), withoutOwners(inOrder(records)));
    t.is((await storage.movable.mark())?.phase, 'InUse');
    t.is((await source.mark())?.phase, 'Moved');
  });

  test('a store that came from elsewhere is one to work with: versions, ports, deletions and the past go on', async t => {
    await using storage = await open(await newNamespace());
    const [held] = fc
      .sample(storeRecords(9), {numRuns: 30, seed: 4})
      .flat()
      .filter(
        ({type, object}) =>
          type === 'object' && object.kind === 'Workspace' && object.metadata.deletionTimestamp !== undefined,
      );
    const [living, gone] = fc
      .sample(storeRecords(9), {numRuns: 30, seed: 6})
      .flat()
      .filter(({object}) => object.kind === 'Workspace' && object.metadata.deletionTimestamp === undefined)
      .toSorted((a, b) => (a.type < b.type ? -1 : 1))
      .filter((_record, index, all) => index === 0 || index === all.length - 1);
    t.assert(held !== undefined && living?.type === 'object' && gone?.type === 'tombstone');
    if (held === undefined || living === undefined || gone === undefined) return;
    const named = (record: typeof held, name: string) => ({
      ...record,
      object: {...record.object, metadata: {...record.object.metadata, name}},
    });
    await storage.movable.receive(
      streamOf([named(held, 'held'), named(living, 'living'), named(gone, 'gone')]),
      signal,
    );

    const first = await storage.get('Workspace', 'living');
    t.is(first.metadata.generation, living.object.metadata.generation);
    const changed = await storage.update('Workspace', withSpec(first, {env: {A: 'b'}}));
    t.is(changed.metadata.generation, first.metadata.generation + 1);
    t.is(changed.metadata.uid, first.metadata.uid);
    t.is(changed.metadata.creationTimestamp, first.metadata.creationTimestamp);

    const last = await storage.get('Workspace', 'held');
    t.is(last.metadata.deletionTimestamp, held.object.metadata.deletionTimestamp);
    const {node = '', ports = []} = last.status ?? {};
    const other = await storage.create('Workspace', aWorkspace('other'));
    const wanted = withPorts(
      other,
      node,
      ports.map(({nodePort}) => nodePort),
    );
    await t.throwsAsync(storage.updateStatus('Workspace', wanted), {code: 'Conflict'});
    await storage.update('Workspace', withMetadata(last, {finalizers: []}));
    await t.throwsAsync(storage.get('Workspace', 'held'), {code: 'NotFound'});
    t.is((await storage.updateStatus('Workspace', wanted)).status?.node, node);
    t.is((await storage.history('Workspace', 'gone')).at(-1)?.object.metadata.uid, gone.object.metadata.uid);
  });

  test('who owns which fields is kept, so that what is applied by others meets no conflict', async t => {
    const namespace = await newNamespace();
    await using storage = await open(namespace);
    const managedFields = [
      {
        manager: 'team',
        operation: 'Apply',
        apiVersion: 'nexus.dev/v1alpha1',
        time: '2026-11-28T03:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {'f:spec': {'f:owner': {}, 'f:env': {'f:TEAM': {}}}},
      },
    ];
    const uid = systemRandom.uuid();
    const times = {generation: 1, creationTimestamp: '2026-11-28T03:00:00.000Z', resourceVersion: '0'};
    const given = aWorkspace('owned', {
      metadata: {uid, ...times, managedFields},
      spec: {env: {TEAM: 'blue'}},
    });
    const record = {type: 'object', object: given as Document} as const;
    await storage.movable.receive(streamOf([record]), signal);
    const [kept] = await contentOfStore(storage.movable);
    t.deepEqual(kept?.object.metadata.managedFields, managedFields);
    const {apiVersion, kind} = given;
    const spec = {owner: 'ada', env: {TEAM: 'red'}};
    await kubectl(
      ['apply', '--server-side', '--field-manager=team', '-f', '-'],
      JSON.stringify({apiVersion, kind, metadata: {name: 'owned', namespace}, spec}),
    );
    t.deepEqual((await storage.get('Workspace', 'owned')).spec.env, {TEAM: 'red'});
  });

  test('no server begins on a store that is not complete, or was moved away', async t => {
    await using storage = await open(await newNamespace());
    const mark = {move: 'm', place: 'elsewhere', at: '2026-11-28T03:00:00.000Z'};
    for (const [phase, message] of [
      ['Incoming', /is not complete: what elsewhere holds is being moved to it/],
      ['Arrived', /is not complete/],
      ['Moved', /was moved to elsewhere/],
    ] as const) {
      await storage.movable.setMark({...mark, phase});
      await t.throwsAsync(storage.beginEpoch(), {name: 'StoreNotUsable', message});
    }

    await storage.movable.raiseEpoch(9_999_999_999);
    await storage.movable.setMark({...mark, phase: 'InUse'});
    t.is(await storage.beginEpoch(), 10_000_000_000);
    t.is((await storage.movable.mark())?.phase, 'InUse');
  });
}

/** The store in a namespace as a process sees it that is killed at its `requests`th write, half of the times after the write was done. */
async function dyingApi(kubeconfig: string, namespace: string, requests: number) {
  const config = await loadClusterConfig({kubeconfig, namespace});
  const credentials = createCredentials(config, effects.clock);
  const server = createApiServer(config, credentials, effects.clock);
  const real = createApiResources(server, {groupVersion: 'nexus.dev/v1alpha1', namespace});
  let left = requests;
  const counted = async <T>(write: () => Promise<T>): Promise<T> => {
    left -= 1;
    if (left < 0) {
      if (left === -1 && requests % 2 === 1) await write();
      throw new Killed();
    }

    return write();
  };
  const api: ApiResources = {
    ...real,
    create: (...args) => counted(() => real.create(...args)),
    replace: (...args) => counted(() => real.replace(...args)),
    merge: (...args) => counted(() => real.merge(...args)),
    remove: (...args) => counted(() => real.remove(...args)),
  };
  const movable = createMovableKubernetes({
    api,
    claims: createPortClaims({api, reader: createReader(api), ...effects}),
    tombstones: createTombstones(api, effects.clock),
    epoch: createEpochObject(api, {...effects, place: 'there'}),
    clock: effects.clock,
    log: silentLogger,
    namespace,
    place: 'there',
  });
  return {movable, [Symbol.asyncDispose]: () => credentials[Symbol.asyncDispose]()};
}
