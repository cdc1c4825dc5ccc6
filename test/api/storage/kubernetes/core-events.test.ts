import assert from 'node:assert/strict';
import test from 'ava';
import {systemClock} from '../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import {createEventRecorder} from '../../../../api/storage/event-recorder.ts';
import {openKubernetesStorage} from '../../../../api/storage/kubernetes/kubernetes-storage.ts';
import {aWorkspace} from '../../../contracts/storage/samples.ts';
import {eventually} from '../../../e2e/eventually.ts';
import {findCluster, needsCluster} from './cluster.ts';
import type {RoleRule} from './guarded-api.ts';
import {startGuardedApi} from './guarded-api.ts';

const effects = {clock: systemClock, random: systemRandom};
const store: RoleRule = {
  apiGroups: ['nexus.dev'],
  resources: ['workspaces', 'events'],
  verbs: ['get', 'list', 'watch', 'create', 'update'],
};
const coreEvents: RoleRule = {apiGroups: [''], resources: ['events'], verbs: ['create', 'patch']};

const cluster = await findCluster();
if (cluster === undefined) {
  needsCluster('Events of Kubernetes');
} else {
  test.after.always(() => cluster[Symbol.asyncDispose]());
  let count = 0;
  const open = async (rules: readonly RoleRule[]) => {
    count += 1;
    const namespace = `nexus-test-events-${process.pid}-${count}`;
    await cluster.kubectl(['create', 'namespace', namespace]).catch(() => undefined);
    await using stack = new AsyncDisposableStack();
    const api = stack.use(await startGuardedApi(cluster.kubeconfig, {namespace, rules}));
    await api.setToken('token');
    Object.assign(process.env, api.env);
    const storage = stack.use(await openKubernetesStorage({podRoot: api.root, ...effects}));
    const recorder = createEventRecorder({storage, clock: systemClock, component: 'controller'});
    const opened = stack.move();
    return {api, namespace, storage, recorder, [Symbol.asyncDispose]: () => opened.disposeAsync()};
  };
  const apiUid = async (namespace: string, name: string) =>
    JSON.parse(await cluster.kubectl(['get', 'workspace', name, '--namespace', namespace, '-o', 'json']))
      .metadata.uid;

  test.serial(
    'what happens to a workspace is an Event that kubectl describe finds, and counts its repeats',
    async t => {
      await using world = await open([store, coreEvents]);
      const {metadata} = await world.storage.create('Workspace', aWorkspace('a'));
      const regarding = {kind: 'Workspace', name: 'a', uid: metadata.uid};
      for (let time = 0; time < 2; time += 1) {
        await world.recorder.record({
          regarding,
          type: 'Warning',
          reason: 'CloneFailed',
          message: 'no such host',
        });
      }

      const counts = () => [...world.api.events.values()].map(each => 'count' in each && each.count);
      await eventually(() => assert.deepEqual(counts(), [2]));
      const [event] = [...world.api.events.values()];
      t.like(event, {
        kind: 'Event',
        // By name, namespace, kind and uid kubectl describe looks for them.
        involvedObject: {
          apiVersion: 'nexus.dev/v1alpha1',
          kind: 'Workspace',
          namespace: world.namespace,
          name: 'a',
          uid: await apiUid(world.namespace, 'a'),
        },
        type: 'Warning',
        reason: 'CloneFailed',
        message: 'no such host',
        source: {component: 'nexus/controller'},
        count: 2,
      });
    },
  );

  test.serial(
    'of a workspace that keeps a uid of its own, the Event names the one that Kubernetes gave it',
    async t => {
      await using world = await open([store, coreEvents]);
      const uid = systemRandom.uuid();
      await world.storage.create('Workspace', aWorkspace('a', {metadata: {uid}}));
      const regarding = {kind: 'Workspace', name: 'a', uid};
      await world.recorder.record({regarding, type: 'Normal', reason: 'Ready', message: 'All is well.'});
      await eventually(() => assert.equal(world.api.events.size, 1));
      t.like([...world.api.events.values()][0], {involvedObject: {uid: await apiUid(world.namespace, 'a')}});
    },
  );

  test.serial('where such Events may not be written the store keeps its own all the same', async t => {
    await using world = await open([store]);
    const regarding = {kind: 'Workspace', name: 'a'};
    for (const reason of ['One', 'Two', 'Three']) {
      await world.recorder.record({regarding, type: 'Normal', reason, message: ''});
    }

    await eventually(() => assert.deepEqual([...world.api.denied], ['create /events']));
    t.is((await world.storage.list('Event')).items.length, 3);
    t.is(world.api.events.size, 0);
  });
}
