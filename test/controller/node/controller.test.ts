import test from 'ava';
import {Registry} from 'prom-client';
import {AgentError} from '../../../api/agent/v1alpha1/agent-error.ts';
import type {RequestHandlers} from '../../../api/agent/v1alpha1/connection.ts';
import type {Instance} from '../../../api/agent/v1alpha1/instance.ts';
import type {Params} from '../../../api/agent/v1alpha1/messages.ts';
import {timestampAt} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {createEventRecorder} from '../../../api/storage/event-recorder.ts';
import {openSqliteStorage} from '../../../api/storage/sqlite/sqlite-storage.ts';
import {findCondition} from '../../../api/v1alpha1/condition.ts';
import type {Workspace} from '../../../api/v1alpha1/workspace.ts';
import {workspace as workspaceSchema} from '../../../api/v1alpha1/workspace.ts';
import {createAgents} from '../../../controller/agent-client/agent-client.ts';
import {createInformer} from '../../../controller/informer/informer.ts';
import {createManagedController} from '../../../controller/manager/managed-controller.ts';
import {createControllerMetrics} from '../../../controller/metrics.ts';
import {createNodeController} from '../../../controller/node/controller.ts';
import {workspaceIndexes} from '../../../controller/workspace/watches.ts';
import {fixedRandom} from '../../fakes/fixed-random.ts';
import {nodeFactsAt, runningInstance} from '../../fakes/instances.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';
import type {MemoryLink} from '../../fakes/memory-link.ts';
import {createMemoryLink} from '../../fakes/memory-link.ts';
import {localNode} from '../../fakes/nodes.ts';
import {requestHandlers} from '../../fakes/request-handlers.ts';

const minute = 60_000;

function workspaceNamed(name: string, uid: string): Workspace {
  return workspaceSchema.parse({
    apiVersion: 'nexus.dev/v1alpha1',
    kind: 'Workspace',
    metadata: {name, uid},
    spec: {owner: 'anna'},
  });
}

/** The node controller on a real store, with an agent in memory that beats as long as it is told to. */
async function setUp(handlers: Partial<RequestHandlers> = {}) {
  const clock = createManualClock();
  const random = fixedRandom();
  const effects = {clock, random, log: silentLogger};
  const storage = await openSqliteStorage({path: ':memory:', clock, random});
  const instances: Instance[] = [];
  const deletions: Params<'instance/delete'>[] = [];
  const links: MemoryLink[] = [];
  let refuse: Error | undefined;
  const agents = createAgents({
    ...effects,
    epoch: 1,
    installation: 'abc123',
    async connect(_node, signal) {
      signal.throwIfAborted();
      if (refuse !== undefined) {
        throw refuse;
      }
      const link = createMemoryLink(
        requestHandlers({
          initialize: async () => ({protocolVersion: 1, node: nodeFactsAt(timestampAt(clock.now()))}),
          'instance/list': async () => ({instances}),
          'instance/delete': async params => {
            deletions.push(params);
            return runningInstance(params.uid, {state: 'Missing', observedAt: timestampAt(clock.now())});
          },
          ...handlers,
        }),
      );
      links.push(link);
      return link.connection;
    },
  });
  const nodes = createInformer({...effects, storage, kind: 'Node', indexes: {}});
  const workspaces = createInformer({...effects, storage, kind: 'Workspace', indexes: workspaceIndexes});
  const controller = createNodeController({
    ...effects,
    storage,
    agents,
    nodes,
    workspaces,
    recorder: createEventRecorder({...effects, storage, component: 'controller'}),
  });
  const stopping = new AbortController();
  const {signal} = stopping;
  const registry = new Registry();
  const managed = createManagedController({
    ...effects,
    ...controller,
    name: 'node',
    keys: () => nodes.list().map(({metadata}) => metadata.name),
    ready: Promise.all([nodes.synced(signal), workspaces.synced(signal)]),
    workers: 2,
    resyncInterval: 10 * minute,
    metrics: createControllerMetrics(registry, clock),
  });
  const running = Promise.all([nodes.run(signal), workspaces.run(signal), managed.run(signal)]);

  return {
    clock,
    storage,
    agents,
    instances,
    deletions,
    links,
    registry,
    refuse(error: Error | undefined) {
      refuse = error;
    },
    /** Time passes, with a heartbeat every 5 s from the node's present connection. */
    async pass(milliseconds: number) {
      for (let passed = 0; passed < milliseconds; passed += 5000) {
        await clock.advance(Math.min(5000, milliseconds - passed));
        links.at(-1)?.server.notify('heartbeat', nodeFactsAt(timestampAt(clock.now())));
        await clock.settle();
      }
    },
    async ready(name = 'n1') {
      const {status} = await storage.get('Node', name);
      return findCondition(status?.conditions, 'Ready')?.reason;
    },
    async events() {
      const {items} = await storage.list('Event');
      return items.map(({spec}) => spec.reason);
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await clock.settle();
      await running;
      await agents[Symbol.asyncDispose]();
      await storage[Symbol.asyncDispose]();
    },
  };
}

test('a node that is declared is connected and becomes Ready, which is an event', async t => {
  await using world = await setUp();
  await world.storage.create('Node', localNode('n1'));
  await world.clock.settle();
  await world.clock.settle();
  t.true(world.agents.view('n1')?.connected);
  t.is(await world.ready(), 'AgentReady');
  t.deepEqual(await world.events(), ['NodeReady']);
});

test('a healthy node costs one write of its status a minute', async t => {
  await using world = await setUp();
  await world.storage.create('Node', localNode('n1'));
  await world.pass(minute);
  const before = Number((await world.storage.list('Node')).resourceVersion);
  await world.pass(30 * minute);
  const after = Number((await world.storage.list('Node')).resourceVersion);
  t.true(after - before <= 30 && after - before >= 25, `${after - before} writes`);
});

test('a node that is lost is Unreachable after the deadline, and Ready again when it is back', async t => {
  await using world = await setUp();
  await world.storage.create('Node', localNode('n1'));
  await world.clock.settle();
  world.refuse(new AgentError('Disconnected', 'no route to host'));
  world.links.at(-1)?.cut();
  await world.clock.advance(19_000);
  t.is(await world.ready(), 'AgentReady');
  await world.clock.advance(2000);
  t.is(await world.ready(), 'Unreachable');
  world.refuse(undefined);
  await world.pass(minute);
  t.is(await world.ready(), 'AgentReady');
  t.deepEqual((await world.events()).toSorted(), ['NodeNotReady', 'NodeReady']);
});

test('a node without a host key is not connected to, and is as soon as it has one', async t => {
  await using world = await setUp();
  const node = await world.storage.create('Node', localNode('n1', {local: false}));
  await world.clock.advance(1000);
  t.is(await world.ready(), 'HostKeyMissing');
  t.is(world.links.length, 0);
  const {resourceVersion: _, ...metadata} = node.metadata;
  await world.storage.update('Node', {
    ...node,
    metadata,
    spec: {...node.spec, hostKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA=='},
  });
  await world.clock.advance(1000);
  t.is(world.links.length, 1);
  t.is(await world.ready(), 'AgentReady');
});

test('a node that is deleted is disconnected', async t => {
  await using world = await setUp();
  await world.storage.create('Node', localNode('n1'));
  await world.clock.settle();
  await world.storage.delete('Node', 'n1');
  await world.clock.settle();
  t.is(world.agents.view('n1'), undefined);
  t.true(world.links[0]?.server.closed.aborted);
});

test('an instance without a workspace is collected after the grace, and one with a workspace never', async t => {
  await using world = await setUp();
  await world.storage.create('Workspace', workspaceNamed('mine', 'u-mine'));
  world.instances.push(runningInstance('u-orphan'), runningInstance('u-mine'));
  await world.storage.create('Node', localNode('n1'));
  await world.pass(9 * minute);
  t.deepEqual(world.deletions, []);
  await world.pass(2 * minute);
  t.deepEqual(world.deletions, [{uid: 'u-orphan', mode: 'ifSaved', retention: 7 * 24 * 60 * minute}]);
  t.true((await world.events()).includes('OrphanCollected'));
  await world.pass(60 * minute);
  t.is(world.deletions.length, 1);
});

test('an instance whose workspace is declared again within the grace is left alone', async t => {
  await using world = await setUp();
  world.instances.push(runningInstance('u-1'));
  await world.storage.create('Node', localNode('n1'));
  await world.pass(9 * minute);
  await world.storage.create('Workspace', workspaceNamed('back', 'u-1'));
  await world.pass(30 * minute);
  t.deepEqual(world.deletions, []);
});

test('while the node is not connected nothing is collected', async t => {
  await using world = await setUp();
  world.instances.push(runningInstance('u-orphan'));
  await world.storage.create('Node', localNode('n1'));
  await world.pass(minute);
  world.refuse(new AgentError('Disconnected', 'no route to host'));
  world.links.at(-1)?.cut();
  await world.clock.advance(60 * minute);
  t.deepEqual(world.deletions, []);
});

test('an orphan that can not be removed is said, and tried again', async t => {
  let attempts = 0;
  await using world = await setUp({
    'instance/delete': async ({uid}) => {
      attempts += 1;
      if (attempts === 1) {
        throw new AgentError('NotPermittedNow', 'a backup runs');
      }
      return runningInstance(uid, {state: 'Missing', observedAt: '2026-11-20T12:00:00.000Z'});
    },
  });
  world.instances.push(runningInstance('u-orphan'));
  await world.storage.create('Node', localNode('n1'));
  await world.pass(20 * minute);
  t.is(attempts, 2);
  const events = await world.events();
  t.true(events.includes('OrphanNotCollected'));
  t.true(events.includes('OrphanCollected'));
});

test('an orphan with unsaved work is kept, and destroyed when its time is up', async t => {
  const modes: string[] = [];
  const until = '2026-11-20T11:00:00.000Z';
  await using world = await setUp({
    'instance/delete': async ({uid, mode}) => {
      modes.push(mode);
      const observedAt = timestampAt(world.clock.now());
      return mode === 'always'
        ? runningInstance(uid, {state: 'Missing', observedAt})
        : runningInstance(uid, {state: 'Stopped', observedAt, retired: {at: observedAt, until}});
    },
  });
  world.instances.push(runningInstance('u-orphan'));
  await world.storage.create('Node', localNode('n1'));
  await world.pass(50 * minute);
  t.deepEqual(modes, ['ifSaved']);
  await world.pass(15 * minute);
  t.deepEqual(modes, ['ifSaved', 'always']);
});
