import test from 'ava';
import {AgentError} from '../../../api/agent/v1alpha1/agent-error.ts';
import type {FailureCode, OperationKind} from '../../../api/agent/v1alpha1/instance.ts';
import {timestampAt} from '../../../api/effects/clock.ts';
import {workspaceOf} from './fixtures.ts';
import {createWorld} from './world.ts';

const passing: readonly (readonly [OperationKind, FailureCode, string, string])[] = [
  ['Create', 'BackendUnavailable', 'Provisioned', 'CreateFailed'],
  ['Start', 'TimedOut', 'SshReady', 'StartFailed'],
  ['Clone', 'NetworkUnreachable', 'RepositoryCloned', 'CloneFailed'],
  ['Setup', 'CommandFailed', 'SetupSucceeded', 'SetupFailed'],
];

for (const [kind, code, condition, event] of passing) {
  test(`${kind} that fails with ${code} is tried again, later each time, and forgotten once it works`, async t => {
    await using world = await createWorld();
    world.node.failures.set(kind, [code, code]);
    await world.create();
    await world.pass(800);
    const {status} = await world.get();
    t.is(status?.failures, 1);
    t.not(status?.phase, 'Error', 'trouble may be passing');
    t.is((await world.condition(condition))?.status, 'False');
    t.like(status?.lastFailure, {operation: kind, code});
    t.is((await world.condition('Ready'))?.status, 'False');
    await world.pass(1200);
    t.is((await world.get()).status?.failures, 2);
    await world.pass(3000);
    t.true(await world.isReady());
    t.is((await world.get()).status?.failures, undefined);
    t.is((await world.get()).status?.lastFailure, undefined);
    t.true((await world.reasons()).includes(event));
  });
}

for (const [kind, code] of [
  ['Create', 'ImageNotFound'],
  ['Clone', 'RepositoryNotFound'],
  ['Clone', 'AuthenticationFailed'],
] as const) {
  test(`${kind} that fails with ${code} is an Error at once, tried again seldom, and at once after a change of spec`, async t => {
    await using world = await createWorld();
    world.node.failures.set(kind, [code, code, code]);
    await world.create();
    await world.pass(60_000);
    t.is((await world.get()).status?.phase, 'Error');
    t.is((await world.get()).status?.failures, 1);
    t.is((await world.condition('Ready'))?.reason, code);
    t.regex((await world.condition('Ready'))?.message ?? '', /Failed once; next attempt at 2026-/);
    await world.pass(300_000);
    t.is((await world.get()).status?.failures, 2);
    await world.edit(workspace => ({...workspace, spec: {...workspace.spec, env: {A: '1'}}}));
    await world.pass(1000);
    t.is((await world.get()).status?.failures, 1, 'counted anew since the change');
    await world.edit(workspace => ({
      ...workspace,
      metadata: {
        ...workspace.metadata,
        annotations: {'nexus.dev/retry-at': timestampAt(world.clock.now() + 1)},
      },
    }));
    await world.pass(1000);
    t.true(await world.isReady());
  });
}

test('attempts come ever more seldom, up to five minutes, and never stop', async t => {
  await using world = await createWorld();
  world.node.failures.set(
    'Start',
    Array.from({length: 100}, () => 'Internal' as const),
  );
  await world.create();
  await world.pass(600_000);
  const starts = () => world.methods().filter(method => method === 'instance/start').length;
  const inTenMinutes = starts();
  t.true(inTenMinutes >= 9 && inTenMinutes <= 12, `${inTenMinutes} attempts`);
  t.is((await world.get()).status?.phase, 'Error');
  await world.pass(600_000);
  t.true(starts() > inTenMinutes && starts() <= inTenMinutes + 3);
  t.true(world.reconciles() < 200, `${world.reconciles()} reconciles`);
});

test('a request that an agent refuses for good counts as a failure; one refused for now does not', async t => {
  await using world = await createWorld();
  world.node.refusals.set('services/apply', [new AgentError('Unsupported', 'this image has no systemd')]);
  world.node.refusals.set('instance/start', [new AgentError('NotPermittedNow', 'busy')]);
  await world.create();
  await world.pass(3000);
  t.like((await world.get()).status, {failures: 1, phase: 'Error'});
  t.regex((await world.condition('ServicesHealthy'))?.message ?? '', /this image has no systemd/);
});

test('a connection that is lost during a request is no failure of the workspace', async t => {
  await using world = await createWorld();
  world.node.refusals.set('instance/start', [new AgentError('Disconnected', 'lost')]);
  await world.create();
  await world.pass(3000);
  t.true(await world.isReady());
  t.false((await world.reasons()).includes('StartFailed'));
});

test('a controller that was superseded stops acting', async t => {
  await using world = await createWorld();
  world.node.refusals.set('instance/create', [new AgentError('Fenced', 'epoch 7 is here')]);
  await world.create();
  await t.throwsAsync(world.pass(100), {name: 'TerminalError'});
});

test('a start that hangs is ended after its deadline, reported and tried again', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  const {uid} = (await world.get()).metadata;
  world.node.operationTime = Number.POSITIVE_INFINITY;
  world.node.change(uid, {state: 'Stopped', sshReady: false});
  await world.pass(60_000);
  t.is((await world.get()).status?.failures, undefined);
  world.node.operationTime = 50;
  await world.pass(75_000);
  t.true((await world.reasons()).includes('StartFailed'));
  t.true(world.methods().includes('instance/stop'));
  await world.pass(5000);
  t.true(await world.isReady());
});

test('a creation that hangs is undone after its deadline and made again', async t => {
  await using world = await createWorld();
  world.node.operationTime = Number.POSITIVE_INFINITY;
  await world.create(workspaceOf({deadlines: {create: '30s'}}));
  await world.pass(25_000);
  t.is((await world.get()).status?.failures, undefined);
  world.node.operationTime = 50;
  await world.pass(20_000);
  t.true(world.methods().includes('instance/delete'));
  t.true(await world.isReady());
});

test('stopping works while setup hangs', async t => {
  await using world = await createWorld();
  await world.create(workspaceOf({setup: []}));
  await world.pass(1000);
  world.node.operationTime = Number.POSITIVE_INFINITY;
  await world.edit(workspace => ({...workspace, spec: {...workspace.spec, setup: ['sleep infinity']}}));
  await world.pass(1000);
  t.is((await world.condition('SetupSucceeded'))?.reason, 'Running');
  world.node.operationTime = 50;
  await world.edit(workspace => ({...workspace, spec: {...workspace.spec, running: false}}));
  await world.pass(1000);
  t.is((await world.get()).status?.phase, 'Stopped');
});

test('what is done and has no effect is a failure: it is not done over and over', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  const {uid} = (await world.get()).metadata;
  const before = world.methods().length;
  world.node.stubborn.add('instance/limits');
  world.node.change(uid, {limits: {cpus: 1, memory: 1, disk: 1}});
  await world.pass(60_000);
  const requests = world.methods().slice(before);
  t.true(requests.every(method => method === 'instance/limits'));
  t.true(requests.length >= 5 && requests.length <= 8, `${requests.length} requests`);
  t.like((await world.get()).status?.lastFailure, {operation: 'SetLimits', code: 'NoEffect'});
  t.is((await world.condition('UpToDate'))?.reason, 'NoEffect');
  t.true(await world.isReady(), 'it goes on as it is');
  world.node.stubborn.clear();
  await world.pass(70_000);
  t.is((await world.get()).status?.failures, undefined);
});

test('a write that somebody came before is made again on what is in the store', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  const {uid} = (await world.get()).metadata;
  world.beforeWrite = async () => {
    world.beforeWrite = undefined;
    await world.edit(workspace => ({...workspace, spec: {...workspace.spec, env: {A: '1'}}}));
  };
  world.node.change(uid, {state: 'Stopped', sshReady: false});
  await world.pass(1000);
  t.falsy(world.beforeWrite);
  t.true(await world.isReady());
  t.is((await world.get()).status?.observedGeneration, 2);
});

test('trouble of services is told, and no failure of the workspace', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  const {uid} = (await world.get()).metadata;
  const web = (changes: object) => {
    const services = world.node.instances.get(uid)?.services ?? [];
    world.node.change(uid, {
      services: services.map(service => (service.name === 'web' ? {...service, ...changes} : service)),
    });
  };
  web({state: 'BackOff', health: 'Unhealthy', exitCode: 7, lastError: 'EADDRINUSE'});
  await world.pass(100);
  t.like(await world.condition('Ready'), {status: 'False', reason: 'ServiceFailed'});
  t.regex(
    (await world.condition('ServicesHealthy'))?.message ?? '',
    /web is BackOff, exit code 7: EADDRINUSE/,
  );
  t.is((await world.get()).status?.phase, 'Running');
  t.is((await world.get()).status?.failures, undefined);
  web({state: 'Unhealthy', health: 'Unhealthy'});
  await world.pass(100);
  web({state: 'Healthy', health: 'Healthy'});
  await world.pass(100);
  t.true(await world.isReady());
  t.deepEqual((await world.reasons()).slice(-4), [
    'ServiceFailed',
    'ServiceUnhealthy',
    'Ready',
    'ServiceRecovered',
  ]);
});
