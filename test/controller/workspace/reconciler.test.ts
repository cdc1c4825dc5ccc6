import test from 'ava';
import type {Instance} from '../../../api/agent/v1alpha1/instance.ts';
import {workspaceOf} from './fixtures.ts';
import {createWorld} from './world.ts';

test('a workspace is created, becomes Ready and is deleted', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  t.deepEqual(world.methods(), [
    'instance/create',
    'instance/forwards',
    'instance/start',
    'repository/clone',
    'setup/run',
    'services/apply',
  ]);
  const {status} = await world.get();
  t.is(status?.phase, 'Running');
  t.true(await world.isReady());
  t.deepEqual(status?.ssh, {host: '192.0.2.1', port: 2222, username: 'dev', hostKey: 'ssh-ed25519 AAAAhost'});
  t.like(status?.services?.[1], {
    name: 'web',
    port: 3000,
    localPort: 23000,
    status: 'Healthy',
    health: 'Healthy',
    url: 'http://192.0.2.1:23000',
  });
  t.is(status?.repo?.commit, 'a'.repeat(40));
  await world.storage.delete('Workspace', 'shop');
  await world.pass(200);
  await t.throwsAsync(world.get(), {code: 'NotFound'});
  t.is(world.node.instances.size, 0);
});

test('a healthy workspace costs nothing: no write, no request, however often it is looked at', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  const calls = world.node.calls.length;
  const {status: written} = world.writes;
  for (let round = 0; round < 10; round += 1) {
    world.queue.add('shop');
    await world.settle();
  }

  t.is(world.node.calls.length, calls);
  t.is(world.writes.status, written);
});

test('becoming Ready takes few writes of status', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  t.true(world.writes.status <= 9, `${world.writes.status} writes`);
});

test('what happens is told in events, once each', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  t.deepEqual(await world.reasons(), [
    'PortAllocated',
    'PortAllocated',
    'PortAllocated',
    'InstanceCreated',
    'InstanceStarted',
    'RepositoryCloned',
    'SetupSucceeded',
    'Ready',
  ]);
});

test('a restart in the midst of everything changes nothing but time', async t => {
  await using world = await createWorld();
  await world.create();
  for (let step = 0; step < 30; step += 1) {
    world.restart();
    await world.pass(50);
  }

  t.true(await world.isReady());
  t.is(world.methods().filter(method => method === 'instance/create').length, 1);
});

test('nothing is done after a restart until the node has reported', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  const calls = world.node.calls.length;
  world.node.connected = false;
  world.node.synced = false;
  world.node.change((await world.get()).metadata.uid, {state: 'Stopped'});
  world.restart();
  await world.pass(5000);
  t.is(world.node.calls.length, calls);
  t.true(await world.isReady(), 'a restart alone is no reason to doubt');
  world.node.connected = true;
  await world.pass(500);
  t.is(world.node.calls.length, calls, 'connected and not synced');
  world.node.synced = true;
  world.node.announce();
  await world.pass(500);
  t.is(world.methods().at(-1), 'instance/start');
});

test('a node that falls silent makes its workspaces Unknown, and nothing else', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  const calls = world.node.calls.length;
  world.node.connected = false;
  world.node.announce();
  await world.pass(10_000);
  t.true(await world.isReady(), 'still within the heartbeat deadline');
  await world.pass(15_000);
  const {status} = await world.get();
  t.is(status?.phase, 'Unknown');
  t.like(await world.condition('Ready'), {status: 'Unknown', reason: 'NodeUnreachable'});
  t.regex(
    (await world.condition('Ready'))?.message ?? '',
    /was last heard from at 2026-.*connection refused/,
  );
  t.is((await world.condition('RepositoryCloned'))?.status, 'True', 'what is on disk is as it was');
  t.is(status?.services?.[0]?.status, 'Unknown');
  t.is(world.node.calls.length, calls);
  const writes = world.writes.status;
  await world.pass(60_000);
  t.is(world.writes.status, writes);
  world.node.connected = true;
  world.node.announce();
  await world.pass(100);
  t.true(await world.isReady());
  t.true((await world.reasons()).includes('NodeUnreachable'));
});

test('a workspace waits for a node and goes on by itself', async t => {
  await using world = await createWorld();
  world.node.connected = false;
  await world.create();
  await world.pass(1000);
  t.like(await world.condition('Scheduled'), {status: 'False', reason: 'Unschedulable'});
  t.is((await world.get()).status?.phase, 'Pending');
  world.node.connected = true;
  world.node.announce();
  await world.pass(1000);
  t.true(await world.isReady());
});

test('a workspace that is not to run has no place and nothing on a node until it is started', async t => {
  await using world = await createWorld();
  await world.create(workspaceOf({running: false}));
  await world.pass(500);
  const {status} = await world.get();
  t.is(status?.phase, 'Stopped');
  t.is(status?.node, undefined);
  t.deepEqual(world.methods(), []);
  await world.edit(workspace => ({...workspace, spec: {...workspace.spec, running: true}}));
  await world.pass(1000);
  t.true(await world.isReady());
});

test('stopping keeps everything and starting brings it back', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  await world.edit(workspace => ({...workspace, spec: {...workspace.spec, running: false}}));
  await world.pass(500);
  t.is((await world.get()).status?.phase, 'Stopped');
  t.like(await world.condition('Ready'), {status: 'False', reason: 'Stopped'});
  t.true((await world.reasons()).includes('InstanceStopped'));
  await world.edit(workspace => ({...workspace, spec: {...workspace.spec, running: true}}));
  await world.pass(500);
  t.true(await world.isReady());
  t.is(world.methods().filter(method => method === 'repository/clone').length, 1);
});

const drifts: readonly {
  readonly title: string;
  readonly change: Partial<Instance> | undefined;
  readonly methods: readonly string[];
  readonly event?: string;
}[] = [
  {
    title: 'stopped by hand',
    change: {state: 'Stopped', sshReady: false},
    methods: ['instance/start'],
    event: 'InstanceStoppedUnexpectedly',
  },
  {
    title: 'frozen by hand',
    change: {state: 'Frozen'},
    methods: ['instance/unfreeze'],
    event: 'InstanceFrozen',
  },
  {
    title: 'renamed by hand',
    change: {state: 'Stopped', sshReady: false, name: 'mine'},
    methods: ['instance/rename', 'instance/start'],
    event: 'InstanceRenamed',
  },
  {
    title: 'deleted by hand',
    change: undefined,
    methods: [
      'instance/create',
      'instance/forwards',
      'instance/start',
      'repository/clone',
      'setup/run',
      'services/apply',
    ],
    event: 'InstanceLost',
  },
  {title: 'forwards closed by hand', change: {forwards: []}, methods: ['instance/forwards']},
  {title: 'keys edited by hand', change: {authorizedKeysHash: 'other'}, methods: ['instance/authorizedKeys']},
  {
    title: 'what was known of its keys lost',
    change: {authorizedKeysHash: undefined},
    methods: ['instance/authorizedKeys'],
  },
  {
    title: 'limits edited by hand',
    change: {limits: {cpus: 1, memory: 1, disk: 1}},
    methods: ['instance/limits'],
  },
  {title: 'services applied by somebody else', change: {servicesHash: 'other'}, methods: ['services/apply']},
];

for (const {title, change, methods, event} of drifts) {
  test(`an instance is put right after it was changed: ${title}`, async t => {
    await using world = await createWorld();
    await world.create();
    await world.pass(1000);
    const before = world.node.calls.length;
    world.node.change((await world.get()).metadata.uid, change);
    await world.pass(1000);
    t.deepEqual(world.methods().slice(before), methods);
    t.true(await world.isReady());
    if (event !== undefined) {
      t.is((await world.reasons()).filter(reason => reason === event).length, 1);
    }
  });
}

test('what runs though it is to be stopped is stopped', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  await world.edit(workspace => ({...workspace, spec: {...workspace.spec, running: false}}));
  await world.pass(500);
  world.node.change((await world.get()).metadata.uid, {state: 'Running', sshReady: true});
  await world.pass(500);
  t.is(world.methods().at(-1), 'instance/stop');
  t.is((await world.get()).status?.phase, 'Stopped');
  t.true((await world.reasons()).includes('InstanceStartedUnexpectedly'));
});

test('a change of one service is applied without touching anything else', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  const before = world.node.calls.length;
  await world.edit(workspace => ({
    ...workspace,
    spec: {
      ...workspace.spec,
      services: workspace.spec.services.map(service =>
        service.name === 'web' ? {...service, command: 'npm run dev'} : service,
      ),
    },
  }));
  await world.pass(500);
  t.deepEqual(world.methods().slice(before), ['services/apply']);
  t.is((await world.get()).status?.observedGeneration, 2);
});

test('the port of a removed service is closed before it is released', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  const before = world.node.calls.length;
  await world.edit(workspace => ({
    ...workspace,
    spec: {...workspace.spec, services: workspace.spec.services.filter(({name}) => name === 'db')},
  }));
  await world.pass(500);
  t.deepEqual(world.methods().slice(before), ['instance/forwards', 'services/apply']);
  t.deepEqual(
    (await world.get()).status?.ports?.map(({name}) => name),
    ['ssh', 'db'],
  );
  t.true(await world.isReady());
});

test("a change of the owner's keys reaches the instance", async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  const before = world.node.calls.length;
  const user = structuredClone(await world.storage.get('User', 'ada'));
  user.spec.sshKeys = [];
  await world.storage.update('User', user);
  await world.pass(500);
  t.deepEqual(world.methods().slice(before), ['instance/authorizedKeys']);
  t.like(await world.condition('SshReady'), {status: 'False', reason: 'NoKeys'});
});

test('a port that another program holds is exchanged, and that is told', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  world.node.portsInUse.add(23000);
  const {uid} = (await world.get()).metadata;
  const forwards = world.node.instances.get(uid)?.forwards ?? [];
  world.node.change(uid, {
    forwards: forwards.map(forward =>
      forward.nodePort === 23000 ? {...forward, state: 'Failed', inUse: true} : forward,
    ),
  });
  await world.pass(500);
  t.is((await world.get()).status?.ports?.find(({name}) => name === 'web')?.nodePort, 23002);
  t.true(await world.isReady());
  t.true((await world.reasons()).includes('PortMoved'));
});

test('services and setup come from the clone when the spec says so, and their ports with them', async t => {
  await using world = await createWorld();
  await world.create(workspaceOf({configFrom: 'repository', setup: [], services: []}));
  await world.pass(1000);
  const {status} = await world.get();
  t.deepEqual(
    status?.ports?.map(({name, nodePort, targetPort}) => [name, nodePort, targetPort]),
    [
      ['ssh', 2222, 22],
      ['site', 23000, 8080],
    ],
  );
  t.is(status?.services?.[0]?.name, 'site');
  t.true(await world.isReady());
});

test('a configuration in the clone that is not valid is said, and is no dead end', async t => {
  await using world = await createWorld();
  await world.create(workspaceOf({configFrom: 'repository', setup: [], services: []}));
  await world.pass(1000);
  const {uid} = (await world.get()).metadata;
  const repository = world.node.instances.get(uid)?.repository;
  if (repository === undefined) {
    t.fail('not cloned');
    return;
  }

  const files = ['.nexus'];
  world.node.change(uid, {repository: {...repository, configuration: {files, nexusConfig: 'services: 7\n'}}});
  await world.pass(500);
  t.like(await world.condition('SetupSucceeded'), {status: 'False', reason: 'ConfigurationInvalid'});
  t.is((await world.get()).status?.phase, 'Error');
  t.deepEqual((await world.get()).status?.ports?.length, 2, 'ports stay until it is known what is wanted');
  world.node.change(uid, {repository});
  await world.pass(500);
  t.true(await world.isReady());
});

test('commits that no remote holds are sent to the node, once, and fetched when they change', async t => {
  const digest = 'd'.repeat(64);
  const next = 'e'.repeat(64);
  await using world = await createWorld({
    bundles: new Map([
      [digest, 'PACK'],
      [next, 'PACK2'],
    ]),
  });
  const repo = (bundle: string, commit: string) => ({name: 'shop', bundle: {digest: bundle, commit}});
  await world.create(workspaceOf({repo: repo(digest, 'b'.repeat(40))}));
  await world.pass(1000);
  t.true(await world.isReady());
  t.is((await world.get()).status?.repo?.commit, 'b'.repeat(40));
  t.deepEqual([...world.node.bundles], [digest]);
  await world.edit(workspace => ({
    ...workspace,
    spec: {...workspace.spec, repo: repo(next, 'c'.repeat(40))},
  }));
  await world.pass(1000);
  t.is((await world.get()).status?.repo?.commit, 'c'.repeat(40));
  t.is(world.methods().at(-1), 'repository/fetch');
  t.like(await world.condition('UpToDate'), {status: 'True'});
});

test('a bundle that the server lost is said, with what to do', async t => {
  await using world = await createWorld();
  await world.create(
    workspaceOf({repo: {name: 'shop', bundle: {digest: 'd'.repeat(64), commit: 'b'.repeat(40)}}}),
  );
  await world.pass(1000);
  const cloned = await world.condition('RepositoryCloned');
  t.is(cloned?.status, 'False');
  t.regex(cloned?.message ?? '', /no longer on the server; run nexus apply again\. Failed/);
});
