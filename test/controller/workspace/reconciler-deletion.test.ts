import test from 'ava';
import {specHash} from '../../../controller/workspace/hashes.ts';
import {workspaceOf} from './fixtures.ts';
import {createWorld} from './world.ts';

test('deleting what was never placed is immediate', async t => {
  await using world = await createWorld();
  world.node.connected = false;
  await world.create();
  await world.pass(100);
  await world.storage.delete('Workspace', 'shop');
  await world.pass(100);
  await t.throwsAsync(world.get(), {code: 'NotFound'});
});

test('unsaved work outlives its workspace, and how to get it back is told', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  const {uid} = (await world.get()).metadata;
  const repository = world.node.instances.get(uid)?.repository;
  world.node.change(uid, {...(repository !== undefined && {repository: {...repository, unsaved: true}})});
  await world.storage.delete('Workspace', 'shop');
  await world.pass(500);
  await t.throwsAsync(world.get(), {code: 'NotFound'});
  t.truthy(world.node.instances.get(uid)?.retired);
  const {items} = await world.storage.list('Event');
  const kept = items.find(({spec}) => spec.reason === 'WorkKept');
  t.regex(kept?.spec.message ?? '', /kept until 2026-11-27T.*nexus workspace undelete shop/);

  // Undelete: the same uid comes back.
  await world.create(workspaceOf({}, {metadata: {uid}}));
  await world.pass(1000);
  t.true(await world.isReady());
  t.true(world.methods().includes('instance/restore'));
  t.is(world.methods().filter(method => method === 'instance/create').length, 1);
  t.is(world.methods().filter(method => method === 'repository/clone').length, 1);
});

test('deletion works from the midst of a creation', async t => {
  await using world = await createWorld();
  world.node.operationTime = Number.POSITIVE_INFINITY;
  await world.create();
  await world.pass(500);
  t.is((await world.get()).status?.phase, 'Creating');
  world.node.operationTime = 50;
  await world.storage.delete('Workspace', 'shop');
  await world.pass(500);
  await t.throwsAsync(world.get(), {code: 'NotFound'});
  t.is(world.node.instances.size, 0);
});

test('a deletion that fails is tried again and says why', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  world.node.failures.set('Delete', ['BackendUnavailable']);
  await world.storage.delete('Workspace', 'shop');
  await world.pass(500);
  t.is((await world.get()).status?.phase, 'Deleting');
  t.like(await world.condition('Ready'), {status: 'False', reason: 'Deleting'});
  t.regex(
    (await world.condition('Ready'))?.message ?? '',
    /Delete failed on purpose\. Failed once; next attempt/,
  );
  await world.pass(2000);
  await t.throwsAsync(world.get(), {code: 'NotFound'});
});

test('deletion waits for a node that is gone, says so, and can be forced', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  world.node.connected = false;
  world.node.announce();
  await world.pass(30_000);
  await world.storage.delete('Workspace', 'shop');
  await world.pass(60_000);
  const ready = await world.condition('Ready');
  t.like(ready, {status: 'False', reason: 'Deleting'});
  t.regex(ready?.message ?? '', /was last heard from at .*nexus delete --force/);
  await world.edit(workspace => ({
    ...workspace,
    metadata: {...workspace.metadata, annotations: {'nexus.dev/force-delete': 'true'}},
  }));
  await world.pass(500);
  await t.throwsAsync(world.get(), {code: 'NotFound'});
  const {items} = await world.storage.list('Event');
  const abandoned = items.find(({spec}) => spec.reason === 'InstanceAbandoned');
  t.regex(abandoned?.spec.message ?? '', /Node one does not answer.*instance nexus-.* may be left there/);
});

test('a workspace whose node was removed is Unknown, and can be given up', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  await world.storage.delete('Node', 'one');
  await world.pass(500);
  t.like(await world.condition('Ready'), {status: 'Unknown', reason: 'NodeRemoved'});
  await world.edit(workspace => ({
    ...workspace,
    metadata: {...workspace.metadata, annotations: {'nexus.dev/force-delete': 'true'}},
  }));
  await world.storage.delete('Workspace', 'shop');
  await world.pass(500);
  await t.throwsAsync(world.get(), {code: 'NotFound'});
});

test('a pool without a free port makes a workspace wait, and a release lets it go on', async t => {
  await using world = await createWorld();
  for (let port = 2222; port <= 2298; port += 1) {
    world.node.portsInUse.add(port);
  }

  await world.create();
  await world.pass(1000);
  await world.create(
    workspaceOf({}, {metadata: {name: 'late', uid: '00000000-0000-4000-8000-00000000late'}}),
  );
  await world.pass(1000);
  t.like(await world.condition('PortsAllocated', 'late'), {status: 'False', reason: 'PortsExhausted'});
  t.regex((await world.condition('Ready', 'late'))?.message ?? '', /all ports from 2222 to 2299 are taken/);
  t.is((await world.get('late')).status?.phase, 'Pending');
  await world.storage.delete('Workspace', 'shop');
  await world.pass(1500);
  t.is((await world.get('late')).status?.ssh?.port, 2299);
  t.true(await world.isReady('late'));
});

test('many at once get a port each', async t => {
  await using world = await createWorld();
  for (let index = 0; index < 30; index += 1) {
    const uid = `11111111-0000-4000-8000-0000000000${String(index).padStart(2, '0')}`;
    await world.create(workspaceOf({}, {metadata: {name: `w${index}`, uid}}));
  }

  await world.pass(1500);
  const {items} = await world.storage.list('Workspace');
  const given = items.flatMap(({status}) => status?.ports?.map(({nodePort}) => nodePort) ?? []);
  t.is(given.length, 90);
  t.is(new Set(given).size, 90);
});

const image = 'ubuntu:22.04';
const hash = specHash({provider: 'lxc', image});

test('another image replaces nothing by itself: the condition says how', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  const before = world.methods().length;
  await world.edit(workspace => ({...workspace, spec: {...workspace.spec, image}}));
  await world.pass(500);
  t.is(world.methods().length, before);
  t.like(await world.condition('UpToDate'), {status: 'False', reason: 'RecreateNeeded'});
  t.true(await world.isReady(), 'the old instance goes on');
  await world.edit(workspace => ({
    ...workspace,
    metadata: {...workspace.metadata, annotations: {'nexus.dev/recreate': hash}},
  }));
  await world.pass(2000);
  t.deepEqual(world.methods().slice(before), [
    'instance/delete',
    'instance/create',
    'instance/forwards',
    'instance/start',
    'repository/clone',
    'setup/run',
    'services/apply',
  ]);
  t.true(await world.isReady());
  t.is((await world.get()).status?.instance?.specHash, hash);
  t.false((await world.reasons()).includes('InstanceLost'));
});

test('unsaved work that shows only when the instance is to be replaced is taken back, and the work stays', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  const {uid} = (await world.get()).metadata;
  // The node finds it out only when it looks, at the deletion.
  world.node.operationTime = 200;
  await world.edit(workspace => ({
    ...workspace,
    metadata: {...workspace.metadata, annotations: {'nexus.dev/recreate': 'allowed'}},
    spec: {...workspace.spec, image},
  }));
  await world.pass(100);
  const repository = world.node.instances.get(uid)?.repository;
  world.node.change(uid, {...(repository !== undefined && {repository: {...repository, unsaved: true}})});
  await world.pass(3000);
  t.like(await world.condition('UpToDate'), {status: 'False', reason: 'UnsavedWork'});
  t.true(await world.isReady());
  t.is(world.methods().filter(method => method === 'instance/delete').length, 1);
  t.is(world.methods().filter(method => method === 'instance/restore').length, 1);
});
