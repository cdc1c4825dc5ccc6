import test from 'ava';
import {Registry} from 'prom-client';
import type {AgentConnection} from '../../api/agent/v1alpha1/connection.ts';
import type {Method, Params} from '../../api/agent/v1alpha1/messages.ts';
import {heartbeatInterval} from '../../api/agent/v1alpha1/messages.ts';
import {timestampAt} from '../../api/effects/clock.ts';
import {silentLogger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import {systemRandom} from '../../api/effects/random.ts';
import {openSqliteStorage} from '../../api/storage/sqlite/sqlite-storage.ts';
import {StorageError} from '../../api/storage/storage-error.ts';
import type {Term} from '../../api/storage/term.ts';
import {endlessTerm} from '../../api/storage/term.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import {createControllerMetrics} from '../../controller/metrics.ts';
import {runController} from '../../controller/run.ts';
import {nodeFactsAt, runningInstance} from '../fakes/instances.ts';
import type {ManualClock} from '../fakes/manual-clock.ts';
import {createManualClock} from '../fakes/manual-clock.ts';
import {createMemoryLink} from '../fakes/memory-link.ts';
import {requestHandlers} from '../fakes/request-handlers.ts';
import {nodeOf, owner, workspaceOf} from './workspace/fixtures.ts';
import type {ModelNode} from './workspace/model-node.ts';
import {createModelNode} from './workspace/model-node.ts';

/** The agent's end of a connection to a modelled node. */
function connectTo(name: string, model: ModelNode, clock: ManualClock): AgentConnection {
  const ask =
    <M extends Method>(method: M) =>
    (params: Params<M>) =>
      model.agents.request(name, method, params);
  const facts = () => nodeFactsAt(timestampAt(clock.now()));
  const {connection, server} = createMemoryLink(
    requestHandlers({
      initialize: async () => ({protocolVersion: 1, node: facts()}),
      'instance/list': async () => ({
        instances: [...model.instances.values()].filter(({state}) => state !== 'Missing'),
      }),
      'instance/create': ask('instance/create'),
      'instance/start': ask('instance/start'),
      'instance/stop': ask('instance/stop'),
      'instance/delete': ask('instance/delete'),
      'instance/forwards': ask('instance/forwards'),
      'instance/limits': ask('instance/limits'),
      'instance/authorizedKeys': ask('instance/authorizedKeys'),
      'repository/clone': ask('repository/clone'),
      'setup/run': ask('setup/run'),
      'services/apply': ask('services/apply'),
    }),
  );
  model.agents.onChange(({uid}) => {
    if (uid !== undefined) {
      const gone = runningInstance(uid, {state: 'Missing', observedAt: timestampAt(clock.now())});
      server.notify('instance/changed', model.instances.get(uid) ?? gone);
    }
  });
  const beat = () => {
    if (!server.closed.aborted) {
      server.notify('heartbeat', facts());
      clock.schedule(heartbeatInterval, beat);
    }
  };
  beat();
  return connection;
}

/** The whole controller, with modelled nodes behind connections in memory. */
async function setUp({nodes = ['one']} = {}) {
  const clock = createManualClock();
  const random: Random = {...systemRandom, fraction: () => 0.5};
  const storage = await openSqliteStorage({path: ':memory:', clock, random});
  const models = new Map(nodes.map(name => [name, createModelNode(name, clock)]));
  await storage.create('User', owner);
  for (const name of nodes) {
    await storage.create('Node', nodeOf(name, {local: true}));
  }
  const registry = new Registry();
  const start = async (term?: Term) =>
    runController(
      {
        storage,
        clock,
        random,
        log: silentLogger,
        metrics: createControllerMetrics(registry, clock),
        term: term ?? endlessTerm(await storage.beginEpoch()),
        installation: 'abc123',
        credentials: {forRepository: async () => undefined},
        bundles: {
          async open(digest) {
            throw new StorageError('NotFound', `no bundle ${digest}`);
          },
        },
        async connect({metadata: {name}}) {
          const model = models.get(name);
          if (model === undefined) {
            throw new Error(`nobody is at ${name}`);
          }
          return connectTo(name, model, clock);
        },
      },
      new AbortController().signal,
    );
  return {
    clock,
    storage,
    registry,
    start,
    calls: () => [...models.values()].flatMap(({calls}) => calls),
    model: (name: string) => models.get(name),
    async create(name: string, uid: string) {
      const {resourceVersion: _, ...workspace} = workspaceOf({}, {metadata: {name, uid}}).metadata;
      await storage.create('Workspace', {...workspaceOf(), metadata: workspace});
    },
    async ready() {
      const {items} = await storage.list('Workspace');
      return items.filter(({status}) => findCondition(status?.conditions, 'Ready')?.status === 'True').length;
    },
    async revision() {
      return Number((await storage.list('Workspace', {limit: 1})).resourceVersion);
    },
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]();
    },
  };
}

test('a workspace that is declared becomes Ready, and is gone when it is deleted', async t => {
  await using world = await setUp();
  const controller = await world.start();
  await world.create('shop', 'u-shop');
  await world.clock.advance(10_000);
  t.true(controller.ready());
  t.is(await world.ready(), 1);
  await world.storage.delete('Workspace', 'shop');
  await world.clock.advance(10_000);
  t.deepEqual((await world.storage.list('Workspace')).items, []);
  t.deepEqual([...(world.model('one')?.instances.keys() ?? [])], []);
  await controller[Symbol.asyncDispose]();
});

test('stopping it drains it: no timer, no connection and no reconcile is left', async t => {
  await using world = await setUp();
  const controller = await world.start();
  await world.create('shop', 'u-shop');
  await world.clock.advance(500);
  const stopped = controller[Symbol.asyncDispose]();
  await world.clock.settle();
  await stopped;
  t.false(controller.ready());
  const calls = world.calls().length;
  // The model's own operations and last heartbeat end by themselves.
  await world.clock.advance(60_000);
  t.is(world.clock.pending, 0);
  t.is(world.calls().length, calls);
});

test('one whose term is over asks nothing of agents and writes nothing, not even what it was about to', async t => {
  await using world = await setUp();
  const over = new AbortController();
  const controller = await world.start({
    epoch: await world.storage.beginEpoch(),
    signal: over.signal,
    check: () => over.signal.throwIfAborted(),
  });
  await world.clock.advance(500);
  await world.create('shop', 'u-shop');
  over.abort(new Error('deposed'));
  const [calls, revision] = [world.calls().length, await world.revision()];
  await world.clock.advance(60_000);
  await controller.stopped;
  t.is(world.calls().length, calls);
  t.is(await world.revision(), revision);
  t.false(controller.ready());
  t.is(world.clock.pending, 0);
});

test('one that was late to learn that its term is over is stopped by looking before it acts', async t => {
  await using world = await setUp();
  let isOver = false;
  const over = new AbortController();
  const controller = await world.start({
    epoch: await world.storage.beginEpoch(),
    signal: over.signal,
    check() {
      if (isOver) {
        throw new Error('late');
      }
    },
  });
  await world.clock.advance(500);
  isOver = true;
  await world.create('shop', 'u-shop');
  const [calls, revision] = [world.calls().length, await world.revision()];
  await world.clock.advance(60_000);
  t.is(world.calls().length, calls);
  t.is(await world.revision(), revision);
  over.abort();
  await world.clock.advance(1000);
  await controller.stopped;
});

test('one that is started anew goes on where the last one stopped, and repeats nothing that was done', async t => {
  await using world = await setUp();
  for (let run = 0; run < 20; run += 1) {
    const controller = await world.start();
    if (run === 0) {
      await world.create('shop', 'u-shop');
    }
    await world.clock.advance(130);
    const stopped = controller[Symbol.asyncDispose]();
    await world.clock.settle();
    await stopped;
    world.registry.clear();
  }
  t.is(await world.ready(), 1);
  t.is(world.calls().filter(({method}) => method === 'instance/create').length, 1);
  t.is(world.calls().filter(({method}) => method === 'setup/run').length, 1);
});

test('a controller that is stopped before its caches are filled ends', async t => {
  await using world = await setUp();
  const controller = await world.start();
  await controller[Symbol.asyncDispose]();
  await t.notThrowsAsync(controller.stopped);
});

test('a healthy fleet costs nothing: resyncs write no workspace and call no agent', async t => {
  const nodes = Array.from({length: 13}, (_, index) => `node-${index}`);
  await using world = await setUp({nodes});
  const controller = await world.start();
  const fleet = 1000;
  for (let index = 0; index < fleet; index += 1) {
    await world.create(`shop-${index}`, `u-${index}`);
  }
  await world.clock.advance(60_000);
  t.is(await world.ready(), fleet);

  const calls = world.calls().length;
  const before = await world.revision();
  const began = performance.now();
  // Three resyncs.
  await world.clock.advance(35 * 60_000);
  t.log(`35 minutes took ${(performance.now() - began).toFixed()} ms`);
  t.is(world.calls().length, calls);
  const changed = new Set<string>();
  for (const index of [0, 1, 500, 999]) {
    const revisions = await world.storage.history('Workspace', `shop-${index}`);
    if (revisions.some(({resourceVersion}) => Number(resourceVersion) > before)) {
      changed.add(`shop-${index}`);
    }
  }
  t.deepEqual([...changed], []);
  // What was written are the heartbeats of the nodes, one a minute each.
  const written = (await world.revision()) - before;
  t.true(written <= 13 * 35, `${written} writes`);
  const reconciles = await world.registry.getSingleMetric('controller_runtime_reconcile_total')?.get();
  t.true((reconciles?.values.length ?? 0) > 0);
  const stopped = controller[Symbol.asyncDispose]();
  await world.clock.settle();
  await stopped;
});

test('what is left in the queue of one that has ended counts no longer', async t => {
  await using world = await setUp();
  const over = new AbortController();
  const controller = await world.start({
    epoch: await world.storage.beginEpoch(),
    signal: over.signal,
    check: () => over.signal.throwIfAborted(),
  });
  await world.clock.advance(500);
  for (let index = 0; index < 50; index += 1) {
    await world.create(`shop-${index}`, `u-shop-${index}`);
  }
  over.abort(new Error('deposed'));
  await world.clock.advance(60_000);
  await controller.stopped;
  const depth = await world.registry.getSingleMetric('workqueue_depth')?.get();
  t.deepEqual(
    depth?.values.map(({value}) => value),
    [0, 0],
  );
});
