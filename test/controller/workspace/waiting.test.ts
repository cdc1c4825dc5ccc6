import test from 'ava';
import {workspaceOf} from './fixtures.ts';
import {createWorld} from './world.ts';

type World = Awaited<ReturnType<typeof createWorld>>;

const asking = (name: string, spec: object = {}) => workspaceOf(spec, {metadata: {name, uid: `uid-${name}`}});
const large = {resources: {memory: '12GiB', requests: {memory: '10GiB'}}};

async function changeNode(
  {storage}: World,
  change: (node: Awaited<ReturnType<World['storage']['get']>> & {kind: 'Node'}) => object,
) {
  const node = await storage.get('Node', 'one');
  await storage.update('Node', {...node, ...change(node)});
}

/** Declares what fits nowhere yet, says why not, and sees that it is placed, after `change`. */
async function isPlacedAfter(
  world: World,
  spec: object,
  change: () => Promise<unknown>,
): Promise<{why: string; placed: boolean; polls: boolean}> {
  await world.create(asking('late', spec));
  await world.pass(500);
  const why = (await world.condition('Scheduled', 'late'))?.message ?? '';
  const polls = world.isDue('late');
  await change();
  await world.settle();
  await world.pass(200);
  return {why, placed: (await world.get('late')).status?.node === 'one', polls};
}

test('a workspace without room is placed when another is deleted, and nobody asks meanwhile', async t => {
  await using world = await createWorld();
  await world.create(asking('first', large));
  await world.pass(1000);
  const {why, placed, polls} = await isPlacedAfter(world, large, () =>
    world.storage.delete('Workspace', 'first'),
  );
  t.regex(why, /No node can take it: one: it has 5 GiB of memory left to set aside/);
  t.true(placed);
  t.false(polls);
});

test('it is placed when another is stopped, which then waits for room itself', async t => {
  await using world = await createWorld();
  await world.create(asking('first', large));
  await world.pass(1000);
  const {placed} = await isPlacedAfter(world, large, async () => {
    await world.edit(first => ({...first, spec: {...first.spec, running: false}}), 'first');
    await world.pass(2000);
  });
  t.true(placed);

  await world.edit(first => ({...first, spec: {...first.spec, running: true}}), 'first');
  await world.pass(2000);
  t.like(await world.condition('Scheduled', 'first'), {status: 'False', reason: 'Unschedulable'});
  t.regex((await world.condition('Ready', 'first'))?.message ?? '', /one: it has 5 GiB of memory left/);
  await world.edit(late => ({...late, spec: {...late.spec, running: false}}), 'late');
  await world.pass(3000);
  t.true(await world.isReady('first'));
});

test('it is placed when the node is overcommitted', async t => {
  await using world = await createWorld();
  await world.create(asking('first', large));
  await world.pass(1000);
  const {placed} = await isPlacedAfter(world, large, () =>
    changeNode(world, ({spec}) => ({spec: {...spec, overcommit: {memory: 2}}})),
  );
  t.true(placed);
});

test('it is placed when its node is uncordoned', async t => {
  await using world = await createWorld();
  await changeNode(world, ({spec}) => ({spec: {...spec, unschedulable: true}}));
  const {why, placed} = await isPlacedAfter(world, {}, () =>
    changeNode(world, ({spec}) => ({spec: {...spec, unschedulable: false}})),
  );
  t.regex(why, /one: it is cordoned/);
  t.true(placed);
});

test('it is placed when a node gets the label that it asks for', async t => {
  await using world = await createWorld();
  const {why, placed} = await isPlacedAfter(world, {nodeSelector: {gpu: 'yes'}}, () =>
    changeNode(world, ({metadata}) => ({metadata: {...metadata, labels: {gpu: 'yes'}}})),
  );
  t.regex(why, /one: it lacks the label gpu=yes/);
  t.true(placed);
});

test('it is placed when the node answers', async t => {
  await using world = await createWorld();
  world.node.connected = false;
  await world.clock.advance(30_000);
  const {why, placed} = await isPlacedAfter(world, {}, async () => {
    world.node.connected = true;
    world.node.announce();
  });
  t.regex(why, /one: it is not ready/);
  t.true(placed);
});

test('a workspace that runs and asks for more than there is goes on running, and says so', async t => {
  await using world = await createWorld();
  await world.create(asking('first', large));
  await world.create(asking('second', {resources: {memory: '8GiB'}}));
  await world.pass(1000);
  await world.edit(
    second => ({
      ...second,
      spec: {...second.spec, resources: {...second.spec.resources, requests: {memory: '7GiB'}}},
    }),
    'second',
  );
  await world.pass(1000);
  t.true(await world.isReady('second'));
  t.regex(
    (await world.condition('Scheduled', 'second'))?.message ?? '',
    /has not set aside all that it asks for/,
  );
  await world.storage.delete('Workspace', 'first');
  await world.pass(1000);
  t.is((await world.get('second')).status?.reserved?.memory, 7 * 2 ** 30);
  t.is((await world.condition('Scheduled', 'second'))?.message, 'It is on node one.');
});

test('with a gateway a workspace runs without an ssh port, and gets one that is released, undisturbed', async t => {
  await using world = await createWorld({gateway: {host: 'nexus.example.com', port: 2200}});
  const taken = Array.from({length: 78}, (_, index) => 2222 + index);
  for (const port of taken) {
    world.node.portsInUse.add(port);
  }

  world.node.announce();
  await world.create(asking('late'));
  await world.pass(2000);
  t.true(await world.isReady('late'));
  const before = (await world.get('late')).status;
  t.deepEqual(before?.ssh, {
    username: 'dev',
    hostKey: before?.ssh?.hostKey,
    gateway: {host: 'nexus.example.com', port: 2200},
  });
  t.truthy(before?.ssh?.hostKey);
  const condition = await world.condition('PortsAllocated', 'late');
  t.like(condition, {status: 'True', reason: 'GatewayOnly'});
  t.regex(condition?.message ?? '', /No port of node one is free for ssh.*nexus ssh late/);
  t.false(world.isDue('late'), 'nobody asks meanwhile');

  world.node.portsInUse.delete(2250);
  world.node.announce();
  await world.pass(500);
  const after = (await world.get('late')).status;
  t.like(after?.ssh, {host: '192.0.2.1', port: 2250, gateway: {port: 2200}});
  t.like(await world.condition('PortsAllocated', 'late'), {status: 'True', reason: 'Allocated'});
  t.is(after?.instance?.startedAt, before?.instance?.startedAt);
  t.true(await world.isReady('late'));
});

test('without a gateway it waits for an ssh port', async t => {
  await using world = await createWorld();
  for (let port = 2222; port <= 2299; port += 1) {
    world.node.portsInUse.add(port);
  }

  world.node.announce();
  const {why, placed} = await isPlacedAfter(world, {}, async () => {
    world.node.portsInUse.delete(2299);
    world.node.announce();
  });
  t.regex(why, /all ports from 2222 to 2299 are taken/);
  t.true(placed);
});
