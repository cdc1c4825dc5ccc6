import test from 'ava';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {AgentPeer, RequestHandlers} from '../../api/agent/v1alpha1/connection.ts';
import {requestHandlers} from '../fakes/request-handlers.ts';
import {createSeededRandom} from './seeded-random.ts';
import {createSimulatedNetwork} from './simulated-network.ts';
import {startProcess} from './simulated-process.ts';
import {createVirtualClock} from './virtual-clock.ts';

const clockOf = (seed: string) => createVirtualClock(0, createSeededRandom(seed));

test('virtual time moves only from timer to timer, once all that follows from one is done', async t => {
  const clock = clockOf('a');
  const seen: string[] = [];
  const worker = async (name: string, pause: number) => {
    for (let round = 0; round < 3; round += 1) {
      await clock.sleep(pause);
      await Promise.resolve().then(() => Promise.resolve());
      seen.push(`${name}@${clock.now()}`);
    }
  };
  void worker('slow', 1_000_000);
  void worker('fast', 400_000);
  await clock.run(10_000_000);
  t.deepEqual(seen, [
    'fast@400000',
    'fast@800000',
    'slow@1000000',
    'fast@1200000',
    'slow@2000000',
    'slow@3000000',
  ]);
  t.is(clock.now(), 10_000_000);
  t.is(clock.pending, 0);
});

test('timers of one moment fire in an order of the seed', async t => {
  const orderOf = async (seed: string) => {
    const clock = clockOf(seed);
    const order: number[] = [];
    for (let index = 0; index < 8; index += 1) {
      clock.schedule(5, () => order.push(index));
    }

    await clock.run(10);
    return order.join('');
  };
  const orders = await Promise.all(['a', 'b', 'c', 'd', 'a'].map(orderOf));
  t.is(orders[0], orders[4]);
  t.true(new Set(orders).size > 1);
  t.is([...(orders[0] ?? '')].toSorted().join(''), '01234567');
});

test('a timer that is disposed of does not fire, and a sleep ends with its signal', async t => {
  const clock = clockOf('a');
  let fired = false;
  clock
    .schedule(5, () => {
      fired = true;
    })
    [Symbol.dispose]();
  const abort = new AbortController();
  const asleep = t.throwsAsync(clock.sleep(5, abort.signal), {message: 'enough'});
  abort.abort(new Error('enough'));
  await asleep;
  await clock.run(10);
  t.false(fired);
});

test('a process that was killed does nothing more', async t => {
  const clock = clockOf('a');
  const process = startProcess('victim', clock);
  const seen: string[] = [];
  process.clock.schedule(5, () => seen.push('timer'));
  void process.outside(clock.sleep(5)).then(() => seen.push('outside'));
  void (async () => {
    try {
      await process.clock.sleep(5);
    } finally {
      seen.push('finally');
    }
  })();
  await clock.run(4);
  process.kill();
  process.clock.schedule(1, () => seen.push('late timer'));
  await clock.run(100);
  t.deepEqual(seen, []);
  t.false(process.alive);
  t.is(clock.pending, 0);
});

test('forks of a seed are sequences of their own, decided by their names', t => {
  const draw = (name: string) => {
    const random = createSeededRandom('seed');
    random.fraction();
    const fork = random.fork(name);
    return [fork.fraction(), fork.uuid(), fork.between(1, 6)];
  };
  t.deepEqual(draw('a'), draw('a'));
  t.notDeepEqual(draw('a'), draw('b'));
});

function connected(seed: string) {
  const clock = clockOf(seed);
  const network = createSimulatedNetwork({clock, random: createSeededRandom(seed)});
  const [client, server] = [startProcess('client', clock), startProcess('server', clock)];
  const served: string[] = [];
  let far: AgentPeer | undefined;
  const handlers = requestHandlers({
    async 'bundle/has'({digest}) {
      served.push(digest);
      return {present: true};
    },
  });
  network.listen('n', {
    process: server,
    accept(open: (handlers: RequestHandlers) => AgentPeer) {
      far = open(handlers);
    },
  });
  const connecting = network.connect('n', client, new AbortController().signal);
  return {clock, network, client, server, served, connecting, far: () => far};
}

test('a simulated wire carries requests in order, and answers them', async t => {
  const {clock, served, connecting} = connected('wire');
  await clock.run(100);
  const connection = await connecting;
  const answers = Promise.all(['1', '2', '3', '4'].map(digest => connection.request('bundle/has', {digest})));
  await clock.run(200);
  t.is((await answers).length, 4);
  t.deepEqual(served, ['1', '2', '3', '4']);
});

test('when one end dies the other learns of it, and what it waits for fails as Disconnected', async t => {
  const {clock, server, connecting} = connected('death');
  await clock.run(100);
  const connection = await connecting;
  server.kill();
  const lost = t.throwsAsync(connection.request('bundle/has', {digest: 'x'}), {
    instanceOf: AgentError,
    code: 'Disconnected',
  });
  await clock.run(1000);
  await lost;
  t.true(connection.closed.aborted);
});

test('a node that is cut off says nothing, and a lost message breaks the stream in the end', async t => {
  const {clock, network, served, connecting} = connected('cut');
  await clock.run(100);
  const connection = await connecting;
  const conditions = {
    delay: {least: 0, most: 0},
    lose: 0,
    vanish: 0,
    double: 0,
    reorder: 0,
    partitioned: true,
  };
  network.setConditions('n', conditions);
  const outcome = connection.request('bundle/has', {digest: 'x'}).catch((error: unknown) => error);
  await clock.run(60_000);
  t.false(connection.closed.aborted);
  network.setConditions('n', {...conditions, partitioned: false, lose: 1});
  void connection.request('bundle/has', {digest: 'y'}).catch(() => {});
  await clock.run(120_000);
  t.true(connection.closed.aborted);
  t.like(await outcome, {code: 'Disconnected'});
  t.deepEqual(served, []);
});
