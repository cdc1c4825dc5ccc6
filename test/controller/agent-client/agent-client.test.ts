import {text} from 'node:stream/consumers';
import test from 'ava';
import {AgentError} from '../../../api/agent/v1alpha1/agent-error.ts';
import type {RequestHandlers} from '../../../api/agent/v1alpha1/connection.ts';
import type {Instance} from '../../../api/agent/v1alpha1/instance.ts';
import {createStreamMultiplexer} from '../../../api/agent/v1alpha1/stream-multiplexer.ts';
import {timestampAt} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {createAgents} from '../../../controller/agent-client/agent-client.ts';
import {fixedRandom} from '../../fakes/fixed-random.ts';
import {nodeFactsAt, runningInstance} from '../../fakes/instances.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';
import type {MemoryLink} from '../../fakes/memory-link.ts';
import {createMemoryLink} from '../../fakes/memory-link.ts';
import {localNode} from '../../fakes/nodes.ts';
import {requestHandlers} from '../../fakes/request-handlers.ts';

type World = {readonly instances: Instance[]; refuse?: Error; handlers: Partial<RequestHandlers>};

function setUp(world: World = {instances: [], handlers: {}}) {
  const clock = createManualClock();
  const links: MemoryLink[] = [];
  const connects: number[] = [];
  const fenced: string[] = [];
  const changes: string[] = [];
  const agents = createAgents({
    clock,
    random: fixedRandom(),
    log: silentLogger,
    epoch: 7,
    installation: 'abc123',
    onFenced: node => fenced.push(node),
    async connect(_node, signal) {
      connects.push(clock.now());
      signal.throwIfAborted();
      if (world.refuse !== undefined) {
        throw world.refuse;
      }
      const link = createMemoryLink(
        requestHandlers({
          initialize: async () => ({protocolVersion: 1, node: nodeFactsAt(timestampAt(clock.now()))}),
          'instance/list': async () => ({instances: [...world.instances]}),
          ...world.handlers,
        }),
      );
      links.push(link);
      return link.connection;
    },
  });
  agents.onChange(({node, uid}) => changes.push(uid === undefined ? node : `${node}/${uid}`));
  const link = (): MemoryLink => {
    const last = links.at(-1);
    if (last === undefined) {
      throw new Error('nobody has connected');
    }
    return last;
  };
  const beat = () => link().server.notify('heartbeat', nodeFactsAt(timestampAt(clock.now())));
  return {agents, clock, world, links, link, beat, connects, fenced, changes, start: clock.now()};
}

test('a node is connected once it has said what it is and what it has', async t => {
  const {agents, clock, link, changes} = setUp({instances: [runningInstance('a')], handlers: {}});
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  t.deepEqual(agents.view('n1'), {
    connected: false,
    synced: false,
    providers: new Map(),
    instances: new Map(),
  });
  await clock.settle();
  const view = agents.view('n1');
  t.true(view?.connected);
  t.true(view?.synced);
  t.is(view?.heardAt, clock.now());
  t.is(view?.facts?.agentVersion, '0.1.0');
  t.deepEqual([...(view?.instances.keys() ?? [])], ['a']);
  t.deepEqual(changes, ['n1']);
  t.deepEqual(
    link().requests.map(({method}) => method),
    ['features/negotiate', 'initialize', 'instance/list'],
  );
  t.like(link().requests[1]?.params, {epoch: 7, role: 'controller', installation: 'abc123', node: 'n1'});
});

test('a changed instance is told by its uid, and not again when only its time changed', async t => {
  const {agents, clock, link, changes} = setUp();
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.settle();
  const later = timestampAt(clock.now() + 1000);
  link().server.notify('instance/changed', runningInstance('a'));
  link().server.notify('instance/changed', runningInstance('a', {observedAt: later}));
  link().server.notify('instance/changed', runningInstance('a', {observedAt: later, state: 'Stopped'}));
  await clock.settle();
  t.deepEqual(changes, ['n1', 'n1/a', 'n1/a']);
  t.is(agents.view('n1')?.instances.get('a')?.state, 'Stopped');
});

test('an instance in an answer is in view before the request resolves', async t => {
  const {agents, clock, changes} = setUp({
    instances: [],
    handlers: {'instance/start': async ({uid}) => runningInstance(uid, {state: 'Starting'})},
  });
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.settle();
  const answered = agents.request('n1', 'instance/start', {uid: 'a'});
  const seen = answered.then(() => agents.view('n1')?.instances.get('a')?.state);
  t.is(await seen, 'Starting');
  t.deepEqual(changes, ['n1', 'n1/a']);
});

test('a request to a node that is not connected fails at once and says why', async t => {
  const {agents, clock} = setUp({
    instances: [],
    handlers: {},
    refuse: new AgentError('Disconnected', 'connect ECONNREFUSED 10.0.0.9:22'),
  });
  await using _agents = agents;
  await t.throwsAsync(agents.request('n1', 'instance/start', {uid: 'a'}), {code: 'Disconnected'});
  agents.ensure(localNode('n1'));
  await clock.settle();
  await t.throwsAsync(agents.request('n1', 'instance/start', {uid: 'a'}), {
    code: 'Disconnected',
    message: 'node n1 is not connected: connect ECONNREFUSED 10.0.0.9:22',
  });
  t.is(agents.view('n1')?.lastError, 'connect ECONNREFUSED 10.0.0.9:22');
});

test('attempts to connect come at growing intervals and succeed when the node is back', async t => {
  const world: World = {
    instances: [],
    handlers: {},
    refuse: new AgentError('Disconnected', 'no route to host'),
  };
  const {agents, clock, connects, changes, start} = setUp(world);
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.advance(5000);
  t.deepEqual(
    connects.map(time => time - start),
    [0, 187.5, 562.5, 1312.5, 2812.5],
  );
  t.deepEqual(changes, ['n1'], 'the same failure is told once');
  delete world.refuse;
  await clock.advance(1000);
  t.true(agents.view('n1')?.connected);
});

test('what was known stays in view, ageing, while the connection is lost; then it is listed anew', async t => {
  const world: World = {instances: [runningInstance('a'), runningInstance('b')], handlers: {}};
  const {agents, clock, link, links, changes} = setUp(world);
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.settle();
  const heardAt = agents.view('n1')?.heardAt;
  world.instances.pop();
  link().cut();
  await clock.settle();
  const view = agents.view('n1');
  t.false(view?.connected);
  t.false(view?.synced);
  t.is(view?.lastError, 'the connection was cut');
  t.is(view?.heardAt, heardAt);
  t.is(view?.instances.size, 2);
  await clock.advance(1000);
  t.is(links.length, 2);
  t.true(agents.view('n1')?.synced);
  t.deepEqual([...(agents.view('n1')?.instances.keys() ?? [])], ['a']);
  t.deepEqual(changes, ['n1', 'n1', 'n1']);
});

test('a request that waits when the connection is lost fails with Disconnected', async t => {
  const {agents, clock, link} = setUp({
    instances: [],
    handlers: {'instance/start': () => new Promise(() => {})},
  });
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.settle();
  const request = agents.request('n1', 'instance/start', {uid: 'a'});
  link().cut();
  await t.throwsAsync(request, {code: 'Disconnected'});
});

test('a request that gets no answer ends with Disconnected after 30 s, or with its signal', async t => {
  const {agents, clock, beat} = setUp({
    instances: [],
    handlers: {'instance/start': () => new Promise(() => {})},
  });
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.settle();
  const controller = new AbortController();
  const given = t.throwsAsync(agents.request('n1', 'instance/start', {uid: 'a'}, controller.signal), {
    message: 'enough',
  });
  const slow = t.throwsAsync(agents.request('n1', 'instance/start', {uid: 'a'}), {
    code: 'Disconnected',
    message: /did not answer instance\/start in 30000 ms/,
  });
  controller.abort(new Error('enough'));
  await given;
  for (let second = 0; second < 30; second += 5) {
    await clock.advance(5000);
    beat();
  }
  await slow;
  t.true(agents.view('n1')?.connected);
});

test('at most 64 requests are in flight on a node; one that is given up while it waits is never sent', async t => {
  const answers: (() => void)[] = [];
  const {agents, clock, link} = setUp({
    instances: [],
    handlers: {
      'bundle/has': () => new Promise(resolve => answers.push(() => resolve({present: true}))),
    },
  });
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.settle();
  const controller = new AbortController();
  const all = Array.from({length: 70}, (_, index) =>
    agents.request('n1', 'bundle/has', {digest: String(index)}, index === 65 ? controller.signal : undefined),
  );
  const settled = Promise.allSettled(all);
  await clock.settle();
  t.is(answers.length, 64);
  controller.abort(new Error('enough'));
  for (let answered = 0; answered < 69; answered += 1) {
    answers[answered]?.();
    await clock.settle();
  }
  const failed = (await settled).filter(({status}) => status === 'rejected');
  t.is(failed.length, 1);
  t.is(link().requests.filter(({method}) => method === 'bundle/has').length, 69);
});

test('a node that is silent for 20 s is given up and connected again', async t => {
  const {agents, clock, beat, links} = setUp();
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.settle();
  for (let time = 0; time < 60_000; time += 5000) {
    await clock.advance(5000);
    beat();
    await clock.settle();
  }
  t.is(links.length, 1);
  t.is(agents.view('n1')?.heardAt, clock.now());
  await clock.advance(19_999);
  t.is(links.length, 1);
  await clock.advance(1);
  t.false(agents.view('n1')?.connected);
  t.is(agents.view('n1')?.lastError, 'nothing was heard from it for 20 s');
  t.true(links[0]?.server.closed.aborted);
  await clock.advance(1000);
  t.is(links.length, 2);
});

test('heartbeats are told only when they bring news', async t => {
  const {agents, clock, link, beat, changes} = setUp();
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.settle();
  await clock.advance(5000);
  beat();
  await clock.settle();
  t.deepEqual(changes, ['n1']);
  link().server.notify('heartbeat', nodeFactsAt(timestampAt(clock.now()), {portsInUse: [2222]}));
  await clock.settle();
  t.deepEqual(changes, ['n1', 'n1']);
});

test('an agent that does not finish its greeting in 30 s is given up', async t => {
  const {agents, clock, links} = setUp({
    instances: [],
    handlers: {'instance/list': () => new Promise(() => {})},
  });
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.advance(30_000);
  t.is(agents.view('n1')?.connected, false);
  t.true(links[0]?.server.closed.aborted);
  t.regex(agents.view('n1')?.lastError ?? '', /30/);
});

test('a fenced controller leaves the node alone for good', async t => {
  const {agents, clock, link, links, fenced, changes} = setUp({
    instances: [runningInstance('a')],
    handlers: {
      'instance/start': async () => {
        throw new AgentError('Fenced', 'epoch 8 has connected');
      },
    },
  });
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.settle();
  await t.throwsAsync(agents.request('n1', 'instance/start', {uid: 'a'}), {code: 'Fenced'});
  t.deepEqual(fenced, ['n1']);
  await clock.advance(600_000);
  t.is(links.length, 1);
  t.true(link().server.closed.aborted);
  t.is(agents.view('n1')?.connected, false);
  t.is(agents.view('n1')?.lastError, 'a later server rules this node');
  t.deepEqual(changes, ['n1', 'n1']);
  await t.throwsAsync(agents.request('n1', 'instance/start', {uid: 'a'}), {code: 'Fenced'});
});

test('a controller that is fenced in the greeting does not try again', async t => {
  const {agents, clock, links, fenced} = setUp({
    instances: [],
    handlers: {
      initialize: async () => {
        throw new AgentError('Fenced', 'epoch 8 has connected');
      },
    },
  });
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.advance(600_000);
  t.is(links.length, 1);
  t.deepEqual(fenced, ['n1']);
});

test('an agent of another protocol is refused with what to do', async t => {
  const {agents, clock} = setUp({
    instances: [],
    handlers: {initialize: async () => ({protocolVersion: 2, node: nodeFactsAt('2026-11-20T10:00:00.000Z')})},
  });
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.settle();
  t.regex(agents.view('n1')?.lastError ?? '', /version 2 of the protocol.*install the same version/);
});

test('a node that is declared anew is connected anew; what does not concern the connection changes nothing', async t => {
  const {agents, clock, links} = setUp();
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.settle();
  agents.ensure(localNode('n1', {unschedulable: true}));
  await clock.settle();
  t.is(links.length, 1);
  agents.ensure(localNode('n1', {address: '127.0.0.2'}));
  await clock.settle();
  t.is(links.length, 2);
  t.true(links[0]?.server.closed.aborted);
  t.true(agents.view('n1')?.connected);
});

test('a forgotten node is neither in view nor connected, and leaves no timer', async t => {
  const {agents, clock, link} = setUp();
  agents.ensure(localNode('n1'));
  await clock.settle();
  await agents.forget('n1');
  t.is(agents.view('n1'), undefined);
  t.true(link().server.closed.aborted);
  await agents.forget('n1');
  await agents[Symbol.asyncDispose]();
  t.is(clock.pending, 0);
});

test('a stream is opened with an id of its own, and is cut off with the connection', async t => {
  let serving: MemoryLink | undefined;
  const {agents, clock, link} = setUp({
    instances: [],
    handlers: {
      'logs/start': async ({stream, follow}) => {
        const served =
          serving === undefined ? undefined : createStreamMultiplexer(serving.server).accept(stream);
        served?.output.write(`stream ${stream}`);
        if (!follow) {
          void served?.close();
        }
        return {};
      },
    },
  });
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.settle();
  serving = link();
  const source = {type: 'setup'} as const;
  const first = await agents.open('n1', 'logs/start', {uid: 'a', source, follow: false});
  t.is(await text(first.output), 'stream 1');
  const second = await agents.open('n1', 'logs/start', {uid: 'a', source, follow: true});
  link().cut();
  await t.throwsAsync(second.finished, {code: 'Disconnected'});
});

test('a listener that throws harms no other', async t => {
  const {agents, clock} = setUp();
  await using _agents = agents;
  const heard: string[] = [];
  agents.onChange(() => {
    throw new Error('a bug');
  });
  agents.onChange(({node}) => heard.push(node));
  agents.ensure(localNode('n1'));
  await clock.settle();
  t.deepEqual(heard, ['n1']);
});

test('an agent whose clock was set back is believed again', async t => {
  const {agents, clock, link} = setUp({instances: [runningInstance('a')], handlers: {}});
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.settle();
  const {server} = link();
  server.notify('instance/changed', runningInstance('a', {observedAt: '2026-11-20T12:00:00.000Z'}));
  server.notify(
    'instance/changed',
    runningInstance('a', {observedAt: '2026-11-20T11:00:00.000Z', state: 'Stopped'}),
  );
  await clock.settle();
  t.is(agents.view('n1')?.instances.get('a')?.state, 'Running');
  server.notify('heartbeat', nodeFactsAt('2026-11-20T08:00:00.000Z'));
  server.notify(
    'instance/changed',
    runningInstance('a', {observedAt: '2026-11-20T08:00:01.000Z', state: 'Stopped'}),
  );
  await clock.settle();
  t.is(agents.view('n1')?.instances.get('a')?.state, 'Stopped');
});

test('a connection that breaks again and again is made at growing intervals, until one has held', async t => {
  const {agents, clock, links, link, beat} = setUp();
  await using _agents = agents;
  agents.ensure(localNode('n1'));
  await clock.settle();
  const waits: number[] = [];
  const reconnect = async () => {
    const [before, made] = [clock.now(), links.length];
    link().cut();
    while (links.length === made) {
      await clock.advance(62.5);
    }
    await clock.settle();
    waits.push(clock.now() - before);
  };
  await reconnect();
  await reconnect();
  await reconnect();
  for (let second = 0; second < 30; second += 5) {
    await clock.advance(5000);
    beat();
  }
  await reconnect();
  t.deepEqual(waits, [187.5, 375, 750, 187.5]);
});
