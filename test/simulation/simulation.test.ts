import test from 'ava';
import {actAsUser} from './people.ts';
import {runSeed} from './run-seed.ts';
import {createWorld} from './world.ts';

const minute = 60_000;

test('a seed is one run: the same each time, to the last log line', async t => {
  for (const seed of ['1', '7', '23']) {
    const [one, other] = [await runSeed(seed, {withLogs: true}), await runSeed(seed, {withLogs: true})];
    t.true(one.trace.length > 100);
    t.deepEqual(one.trace, other.trace);
  }
});

test('different seeds are different runs', async t => {
  const [one, other] = [await runSeed('1'), await runSeed('2')];
  t.notDeepEqual(one.trace, other.trace);
});

test('a node that falls silent is told to be within half a minute, and what it runs is not called Running meanwhile', async t => {
  await using world = await createWorld({seed: 'silence', nodes: 1});
  const [node] = world.nodes;
  await node?.startAgent();
  world.startServer();
  const random = world.random.fork('user');
  for (let deeds = 0; deeds < 6; deeds += 1) {
    await actAsUser(world, random);
  }

  await world.clock.run(world.clock.now() + 2 * minute);
  const before = (await world.storage.list('Workspace')).items.filter(
    ({status}) => status?.phase === 'Running',
  );
  t.true(before.length > 0);
  world.network.setConditions('node-1', {
    delay: {least: 0, most: 0},
    lose: 0,
    vanish: 0,
    double: 0,
    reorder: 0,
    partitioned: true,
  });
  await world.clock.run(world.clock.now() + minute / 2);
  for (const {metadata} of before) {
    const {status} = await world.storage.get('Workspace', metadata.name);
    t.is(status?.phase, 'Unknown', metadata.name);
  }

  t.deepEqual(world.violations, []);
});
