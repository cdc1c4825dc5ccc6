import test from 'ava';
import {GuestError} from '../../agent/guest/guest-error.ts';
import {spec, startHarness, uid} from './agent-harness.ts';

test('a server of an earlier epoch is turned away, also after the agent was restarted', async t => {
  const h = await startHarness();
  await h.connect({epoch: 7});
  await t.throwsAsync(h.connect({epoch: 6}), {code: 'Fenced'});
  await h.restart();
  await t.throwsAsync(h.connect({epoch: 6}), {code: 'Fenced'});
  await t.notThrowsAsync(h.connect({epoch: 7}));
});

test('a reader may look and not change, whatever its epoch', async t => {
  const h = await startHarness();
  await h.connect({epoch: 7});
  const {connection} = await h.connect({role: 'reader', epoch: 0});
  t.deepEqual((await connection.request('instance/list', {})).instances, []);
  await t.throwsAsync(connection.request('instance/create', spec()), {code: 'Invalid'});
});

test('the wrong version, the wrong installation, and silence about oneself are refused', async t => {
  const h = await startHarness();
  const hello = {
    protocolVersion: 1,
    role: 'controller' as const,
    epoch: 1,
    installation: 'abcdef',
    node: 'n',
  };
  const {connection} = await h.connect();
  await t.throwsAsync(connection.request('initialize', {...hello, protocolVersion: 2}), {
    code: 'Unsupported',
  });
  await t.throwsAsync(connection.request('initialize', {...hello, installation: 'fedcba'}), {
    code: 'Invalid',
  });
});

test('all who have introduced themselves are told of changes, and that the agent lives', async t => {
  const h = await startHarness();
  const one = await h.connect();
  const other = await h.connect({role: 'reader'});
  await one.connection.request('instance/create', spec());
  await h.clock.advance(10_000);
  t.is(one.last()?.state, 'Stopped');
  t.is(other.last()?.state, 'Stopped');
  t.is(one.heartbeats.length, 2);
  t.like(other.heartbeats[0], {agentVersion: '1.2.3', bootId: 'boot', portsInUse: []});

  await one.connection[Symbol.asyncDispose]();
  const before = one.heartbeats.length;
  await h.clock.advance(10_000);
  t.is(one.heartbeats.length, before);
});

test('nothing is told twice', async t => {
  const h = await startHarness();
  const {connection, told} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  const before = told.length;
  h.driver.backend.tell(uid);
  await h.clock.advance(120_000);
  t.is(told.length, before);
});

test('there is no list before the backend has answered once; afterwards the last picture is told', async t => {
  const h = await startHarness();
  h.driver.backend.down = true;
  await h.restart();
  const {connection} = await h.connect();
  const early = t.throwsAsync(connection.request('instance/list', {}), {code: 'BackendUnavailable'});
  await h.clock.advance(5000);
  await early;
  h.driver.backend.down = false;
  await h.clock.advance(30_000);
  t.deepEqual((await connection.request('instance/list', {})).instances, []);
});

test('a backend that is down shows in the heartbeat, which goes on', async t => {
  const h = await startHarness();
  const {heartbeats} = await h.connect();
  h.driver.backend.down = true;
  await h.clock.advance(5000);
  t.like(heartbeats.at(-1)?.providers[0], {ready: false, message: 'the fake backend is down'});
});

test('ports of Nexus’s ranges that others hold are reported, our own are not', async t => {
  const h = await startHarness();
  const {connection, heartbeats} = await h.connect();
  h.foreignPorts.add(2230).add(23_005).add(8080);
  const forwards = [
    {name: 'ssh', nodePort: 2230, targetPort: 22},
    {name: 'web', nodePort: 23_000, targetPort: 3000},
  ];
  const answer = await connection.request('instance/forwards', {uid, forwards});
  t.deepEqual(
    answer.forwards.map(({state, inUse}) => [state, inUse]),
    [
      ['Failed', true],
      ['Listening', undefined],
    ],
  );
  await h.clock.advance(5000);
  t.deepEqual(heartbeats.at(-1)?.portsInUse, [2230, 23_005]);

  h.foreignPorts.delete(2230);
  t.is((await connection.request('instance/forwards', {uid, forwards})).forwards[0]?.state, 'Listening');
  t.deepEqual((await connection.request('instance/forwards', {uid, forwards: []})).forwards, []);
  t.is(h.openPorts.size, 0);
});

test('a restarted agent opens its ports again and takes over its services without starting them anew', async t => {
  const h = await startHarness();
  const {connection} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(100);
  await connection.request('instance/forwards', {
    uid,
    forwards: [{name: 'ssh', nodePort: 2222, targetPort: 22}],
  });
  await connection.request('services/apply', {
    uid,
    hash: 's',
    directory: 'app',
    env: {A: '1'},
    services: [{name: 'web', command: 'serve', port: 80, dependsOn: [], restart: 'always', env: {}}],
  });
  await h.clock.advance(1000);
  t.deepEqual(h.inside.started, ['web']);
  t.deepEqual(h.inside.environment, {A: '1'});

  await h.restart();
  const again = await h.connect();
  await h.clock.advance(1000);
  const [instance] = (await again.connection.request('instance/list', {})).instances;
  t.like(instance, {servicesHash: 's', sshReady: true, forwards: [{state: 'Listening'}]});
  t.is(instance?.services[0]?.health, 'Healthy');
  t.deepEqual(h.inside.started, ['web']);
});

// Fails when forwards stay where the agent's start put them: users of a second machine would reach nothing.
test('ports listen where the server comes in, also after a restart, and move when it comes in elsewhere', async t => {
  const h = await startHarness();
  const forwards = [
    {name: 'ssh', nodePort: 2222, targetPort: 22},
    {name: 'web', nodePort: 23_000, targetPort: 80},
  ];
  const first = await h.connect({arrivedAt: '10.0.0.7'});
  await first.connection.request('instance/forwards', {uid, forwards});
  t.deepEqual([...h.listening().values()], ['10.0.0.7', '10.0.0.7']);

  await h.restart();
  await h.clock.settle();
  t.deepEqual([...h.listening().values()], ['10.0.0.7', '10.0.0.7'], 'before any server is there');

  const second = await h.connect({arrivedAt: 'fd00::7'});
  await h.clock.settle();
  t.deepEqual([...h.listening().values()], ['fd00::7', 'fd00::7']);
  t.is(second.last(), undefined, 'an instance that is not there is nobody’s news');

  await h.connect({role: 'reader', arrivedAt: '10.0.0.8'});
  await t.throwsAsync(h.connect({epoch: 0, arrivedAt: '10.0.0.8'}), {code: 'Fenced'});
  await h.clock.settle();
  t.deepEqual([...h.listening().values()], ['fd00::7', 'fd00::7'], 'only the controller has a say');
});

test('ports of the server’s own machine listen on its loopback, and elsewhere only where its administrator says', async t => {
  const forwards = [{name: 'ssh', nodePort: 2222, targetPort: 22}];
  const local = await startHarness();
  await local.connect({arrivedAt: '10.0.0.7'});
  const {connection} = await local.connect();
  await connection.request('instance/forwards', {uid, forwards});
  t.deepEqual([...local.listening()], [[2222, '127.0.0.1']]);

  const configured = await startHarness({listen: '192.0.2.1'});
  const other = await configured.connect({arrivedAt: '10.0.0.7'});
  await other.connection.request('instance/forwards', {uid, forwards});
  t.deepEqual([...configured.listening()], [[2222, '192.0.2.1']]);
});

test('what was declared for an instance that never came is dropped after half an hour', async t => {
  const h = await startHarness();
  const {connection} = await h.connect();
  await connection.request('instance/forwards', {
    uid,
    forwards: [{name: 'ssh', nodePort: 2222, targetPort: 22}],
  });
  await h.clock.advance(20 * 60_000);
  t.is(h.openPorts.size, 1);
  await h.clock.advance(12 * 60_000);
  t.is(h.openPorts.size, 0);
});

test('a setup that ran on while the agent was away is waited for again, not asked for', async t => {
  const h = await startHarness();
  const {connection} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(100);
  h.inside.setup = signal =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  await connection.request('setup/run', {
    uid,
    hash: 'h',
    commands: ['sleep'],
    directory: 'app',
    env: {},
    timeout: 60_000,
  });
  await h.clock.settle();
  h.inside.setup = async () => ({exitCode: 0, step: 0, message: 'done'});
  await h.restart();
  await h.clock.advance(100);
  const again = await h.connect();
  t.like((await again.connection.request('instance/list', {})).instances[0]?.setup, {
    hash: 'h',
    state: 'Succeeded',
    message: 'done',
  });
});

test('a setup that takes too long is ended and has failed', async t => {
  const h = await startHarness();
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(100);
  h.inside.setup = signal =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  await connection.request('setup/run', {
    uid,
    hash: 'h',
    commands: ['sleep'],
    directory: 'app',
    env: {},
    timeout: 5000,
  });
  await h.clock.advance(5000);
  t.like(last(), {
    setup: {state: 'Failed'},
    lastError: {operation: 'Setup', code: 'TimedOut'},
    operation: undefined,
  });
});

test('a clone of a bundle that is not on the node is refused, so that it is uploaded first', async t => {
  const h = await startHarness();
  const {connection} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(100);
  const bundle = {digest: 'a'.repeat(64), commit: 'b'.repeat(40)};
  await t.throwsAsync(connection.request('repository/clone', {uid, repository: {directory: 'app', bundle}}), {
    code: 'NotFound',
  });
});

const sessions = [
  {
    error: new GuestError('Unsupported', 'no systemd'),
    after: 100,
    state: 'Failed',
    title: 'in an image without systemd have failed',
  },
  {
    error: new GuestError('BackendUnavailable', 'no answer'),
    after: 10_000,
    state: 'Unknown',
    title: 'that can not be asked about are unknown',
  },
] as const;

for (const {error, after, state, title} of sessions) {
  test(`services ${title}, and tell why`, async t => {
    const h = await startHarness();
    h.inside.noSession = error;
    const {connection, last} = await h.connect();
    await connection.request('instance/create', spec());
    await h.clock.settle();
    await connection.request('instance/start', {uid});
    await h.clock.advance(100);
    const services = [{name: 'web', command: 'serve', dependsOn: [], restart: 'always' as const, env: {}}];
    await connection.request('services/apply', {uid, hash: 's', directory: 'app', env: {}, services});
    await h.clock.advance(after);
    t.like(last()?.services[0], {state, health: 'Unknown', lastError: error.message});
    delete h.inside.noSession;
    await h.clock.advance(20_000);
    t.is(last()?.services[0]?.state, 'Healthy');
  });
}
