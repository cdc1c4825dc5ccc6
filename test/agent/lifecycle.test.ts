import test from 'ava';
import {DriverError} from '../../agent/driver.ts';
import {createAgentClient} from './agent-client.ts';
import {spec, startHarness, uid} from './agent-harness.ts';

test('a creation is answered at once with its operation, joined when asked again, and done once', async t => {
  const calls: string[] = [];
  const h = await startHarness({
    duration: () => 1000,
    intercept(call, run) {
      calls.push(call.method);
      return run();
    },
  });
  const {connection, last} = await h.connect();
  const answer = await connection.request('instance/create', spec());
  t.like(answer, {state: 'Creating', sshReady: false, operation: {kind: 'Create'}});
  t.is((await connection.request('instance/create', spec())).operation?.kind, 'Create');

  await h.clock.advance(1000);
  t.like(last(), {state: 'Stopped', hostKey: 'ssh-ed25519 KEY1', operation: undefined});
  t.is((await connection.request('instance/create', spec())).operation, undefined);
  t.is(calls.filter(method => method === 'create').length, 1);
});

test('a start is over once the instance runs; that its sshd answers is told when it does', async t => {
  const h = await startHarness();
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  h.inside.sshd = false;
  await connection.request('instance/start', {uid});
  await h.clock.advance(500);
  t.like(last(), {state: 'Running', sshReady: false, operation: undefined});
  h.inside.sshd = true;
  await h.clock.advance(20);
  t.true(last()?.sshReady);
});

test('that sshd answered counts for nothing after a restart by hand', async t => {
  const h = await startHarness();
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(100);
  h.inside.sshd = false;
  await h.driver.byHand.stop(`nexus-${uid}`);
  await h.clock.advance(100);
  t.like(last(), {state: 'Stopped', sshReady: false});
  await h.driver.byHand.start(`nexus-${uid}`);
  await h.clock.advance(100);
  t.like(last(), {state: 'Running', sshReady: false});
});

test('an image that is not ours is made ready as part of its first start, and not before is it ready for ssh', async t => {
  const h = await startHarness({
    images: {plain: {needsProvisioning: true}},
    duration: ({method}) => (method === 'provision' ? 5000 : 0),
  });
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec({image: 'plain'}));
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(1000);
  t.like(last(), {state: 'Running', sshReady: false, operation: {kind: 'Start'}});
  await h.clock.advance(5000);
  t.like(last(), {state: 'Running', sshReady: true, operation: undefined});
});

test('an image that is not ours is made ready also when the agent died between its creation and remembering it', async t => {
  const h = await startHarness({images: {plain: {needsProvisioning: true}}});
  await h.driver.create({
    spec: spec({image: 'plain'}),
    hostKey: {privateKey: 'private', publicKey: 'ssh-ed25519 EARLIER'},
  });
  await h.restart();
  const {connection, last} = await h.connect();
  await connection.request('instance/start', {uid});
  await h.clock.advance(100);
  t.like(last(), {state: 'Running', sshReady: true, hostKey: 'ssh-ed25519 EARLIER'});
});

test('a failure is told with its code, until an operation of that kind succeeds', async t => {
  const h = await startHarness();
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec({image: 'nowhere'}));
  await h.clock.settle();
  t.like(last(), {state: 'Missing', lastError: {operation: 'Create', code: 'ImageNotFound'}});
  await connection.request('instance/create', spec());
  await h.clock.settle();
  t.like(last(), {state: 'Stopped', lastError: undefined});
});

test('while one operation runs another is refused, but stopping and deleting break it off', async t => {
  const h = await startHarness();
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(100);
  let brokenOff = false;
  h.inside.setup = signal =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        brokenOff = true;
        reject(signal.reason);
      });
    });
  const setup = {uid, hash: 'h', commands: ['true'], directory: 'app', env: {}, timeout: 60_000};
  t.is((await connection.request('setup/run', setup)).operation?.kind, 'Setup');
  await h.clock.settle();
  await t.throwsAsync(
    connection.request('repository/clone', {
      uid,
      repository: {directory: 'app', url: 'https://example.com/a.git'},
    }),
    {
      code: 'NotPermittedNow',
    },
  );
  t.is(
    (await connection.request('instance/stop', {uid, force: false, timeout: 1000})).operation?.kind,
    'Stop',
  );
  await h.clock.settle();
  t.true(brokenOff);
  t.like(last(), {state: 'Stopped', operation: undefined, lastError: undefined});
});

test('a creation that hangs can be deleted', async t => {
  const h = await startHarness({duration: ({method}) => (method === 'create' ? 600_000 : 0)});
  const {connection, told} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/delete', {uid, mode: 'ifSaved', retention: 1000});
  await h.clock.advance(700_000);
  t.is(told.at(-1)?.state, 'Missing');
  t.is(h.driver.backend.instances.size, 0);
});

test('what does not exist can not be started', async t => {
  const h = await startHarness();
  const {connection} = await h.connect();
  await t.throwsAsync(connection.request('instance/start', {uid}), {code: 'NotFound'});
  await t.throwsAsync(connection.request('instance/create', spec({provider: 'qemu'})), {code: 'Unsupported'});
});

test('frozen instances are unfrozen, renamed ones get their name back', async t => {
  const h = await startHarness();
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(100);
  await h.driver.byHand.freeze(`nexus-${uid}`);
  await h.clock.advance(100);
  t.is(last()?.state, 'Frozen');
  await t.throwsAsync(connection.request('instance/start', {uid}), {
    code: 'NotPermittedNow',
    message: /frozen/,
  });
  await connection.request('instance/unfreeze', {uid});
  await h.clock.settle();
  t.is(last()?.state, 'Running');

  await t.notThrowsAsync(connection.request('instance/rename', {uid}));
  await h.driver.byHand.stop(`nexus-${uid}`);
  await h.driver.byHand.rename(`nexus-${uid}`, 'mine');
  await h.clock.advance(100);
  t.is(last()?.name, 'mine');
  await connection.request('instance/rename', {uid});
  await h.clock.settle();
  t.is(last()?.name, `nexus-${uid}`);
});

test('limits and keys are changed at once, and a fault of the backend is the answer', async t => {
  let broken = false;
  const h = await startHarness({
    async intercept(call, run) {
      if (broken && call.method === 'setLimits') {
        throw new DriverError('NoSpace', 'the pool is full');
      }
      return await run();
    },
  });
  const {connection} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  const limits = {cpus: 4, memory: 2 ** 31, disk: 2 ** 34};
  t.deepEqual((await connection.request('instance/limits', {uid, limits})).limits, limits);
  const before = (await connection.request('instance/list', {})).instances[0]?.authorizedKeysHash;
  const {authorizedKeysHash} = await connection.request('instance/authorizedKeys', {
    uid,
    keys: ['ssh-ed25519 BBBB'],
  });
  t.not(authorizedKeysHash, before);
  broken = true;
  await t.throwsAsync(connection.request('instance/limits', {uid, limits}), {
    code: 'Internal',
    message: /pool is full/,
  });
});

test('drift by hand is told by the backend’s events, and found without them within a minute', async t => {
  const h = await startHarness();
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(100);
  await h.driver.byHand.stop(`nexus-${uid}`);
  await h.clock.settle();
  t.is(last()?.state, 'Stopped');

  for (const instance of h.driver.backend.instances.values()) {
    h.driver.backend.start(instance);
  }
  await h.clock.advance(60_000);
  t.is(last()?.state, 'Running');
});

test('an instance that was deleted by hand is told as missing, and the next one under its uid inherits nothing', async t => {
  const h = await startHarness();
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(100);
  await connection.request('repository/clone', {
    uid,
    repository: {directory: 'app', url: 'https://example.com/a.git'},
  });
  await h.clock.settle();
  t.is(last()?.repository?.commit, 'c'.repeat(40));

  await h.driver.byHand.stop(`nexus-${uid}`);
  await h.driver.byHand.delete(`nexus-${uid}`);
  await h.clock.settle();
  t.is(last()?.state, 'Missing');
  await connection.request('instance/create', spec());
  await h.clock.settle();
  t.like(last(), {state: 'Stopped', repository: undefined, setup: undefined, servicesHash: undefined});
});

test('a stop gives the look for unsaved work its whole time after that in which everybody may end', async t => {
  const h = await startHarness();
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(500);
  let looking: AbortSignal | undefined;
  h.inside.inspection = async signal => {
    looking = signal;
    return await new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), {once: true});
    });
  };
  await connection.request('instance/stop', {uid, force: false, timeout: 1000});
  await h.clock.advance(27_000);
  t.false(looking?.aborted);
  t.is(last()?.operation?.kind, 'Stop');
  await h.clock.advance(1500);
  t.true(looking?.aborted);
  await h.clock.advance(1000);
  t.is(last()?.state, 'Stopped');
});

test('a command that is just being begun when a stop begins is broken off, so that the look for unsaved work need not wait', async t => {
  const begun = Promise.withResolvers<void>();
  const h = await startHarness({
    async intercept(call, run) {
      if (call.method === 'exec') {
        await begun.promise;
      }
      return await run();
    },
  });
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(500);
  const seen: string[] = [];
  h.inside.inspection = async () => {
    seen.push('looked');
    return {unsaved: false};
  };
  void createAgentClient(connection, uid)
    .exec(['sleep', 'infinity'])
    .catch(() => seen.push('broken off'));
  await h.clock.settle();
  await connection.request('instance/stop', {uid, force: false, timeout: 1000});
  await h.clock.advance(1000);
  t.deepEqual(seen.toSorted(), ['broken off', 'looked']);
  begun.resolve();
  t.is(last()?.state, 'Stopped');
});
