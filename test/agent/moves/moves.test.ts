import {setImmediate as turn} from 'node:timers/promises';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import {AgentError} from '../../../api/agent/v1alpha1/agent-error.ts';
import {parseParams} from '../../../api/agent/v1alpha1/message-schema.ts';
import {createStreamMultiplexer} from '../../../api/agent/v1alpha1/stream-multiplexer.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import type {Agents} from '../../../controller/agent-client/agents.ts';
import type {Copy} from '../../../controller/workspace/copies.ts';
import {createCopies} from '../../../controller/workspace/copies.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';
import type {Controller, Harness} from '../agent-harness.ts';
import {spec, startHarness, uid} from '../agent-harness.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const transfer = 'transfer-1';

type Side = {readonly harness: Harness; readonly controller: Controller};

/** Two nodes, on one of which an instance has run and holds a file; and the server's part between them. */
async function setUp(t: ExecutionContext) {
  const side = async (): Promise<Side> => {
    const harness = await startHarness();
    const controller = await harness.connect();
    await controller.connection.request('features/negotiate', {features: ['moves', 'importLimits']});
    return {harness, controller};
  };
  const [source, target] = [await side(), await side()];
  const {connection} = source.controller;
  const until = async (isSo: () => boolean) => {
    for (let turns = 0; turns < 2000 && !isSo(); turns += 1) {
      await Promise.all([source, target].map(each => each.harness.clock.settle()));
      await turn();
    }
    t.true(isSo());
  };
  await connection.request('instance/create', spec());
  await until(
    () => source.controller.last()?.state === 'Stopped' && source.controller.last()?.operation === undefined,
  );
  await connection.request('instance/start', {uid});
  await until(() => stateOn(source) === 'Running');
  await source.harness.driver.writeFile(uid, '/home/dev/work', bytes('unsaved'), {
    mode: 0o600,
    uid: 1,
    gid: 2,
  });
  await connection.request('services/apply', {uid, hash: 'h', directory: '', env: {}, services: []});
  await connection.request('instance/stop', {uid, force: true, timeout: 1000});
  await until(() => stateOn(source) === 'Stopped' && source.controller.last()?.operation === undefined);

  const streams = new Map(
    Object.entries({source, target}).map(([name, {controller}]) => [
      name,
      {controller, multiplexer: createStreamMultiplexer(controller.connection)},
    ]),
  );
  const open: Agents['open'] = async (node, method, params, signal) => {
    const found = streams.get(node);
    if (found === undefined) {
      throw new AgentError('Disconnected', `no ${node}`);
    }
    return await found.multiplexer.open(
      stream => found.controller.connection.request(method, parseParams(method, {...params, stream}), signal),
      signal,
    );
  };
  const clock = createManualClock();
  const stop = new AbortController();
  const copies = createCopies({
    agents: {open},
    clock,
    log: silentLogger,
    signal: stop.signal,
    patience: 1000,
  });
  const copy = async (attempt = 0, limits = spec().limits): Promise<Copy | undefined> => {
    copies.begin({uid, source: 'source', target: 'target', provider: 'lxc', limits, transfer, attempt});
    await until(() => copies.view(transfer)?.state !== 'Running');
    return copies.view(transfer);
  };
  return {source, target, copies, copy, until, clock};
}

/** As its agent tells it now. */
async function listed({controller}: Side) {
  const {instances} = await controller.connection.request('instance/list', {});
  return instances.find(each => each.uid === uid);
}

function stateOn({harness}: Side) {
  return harness.driver.backend.instances.get(`nexus-${uid}`)?.state;
}

test('an instance goes from one agent to the other with all that is in it and all that is known of it', async t => {
  const {source, target, copy, until} = await setUp(t);
  t.like(await copy(), {state: 'Done', attempt: 0});
  const [left, arrived] = await Promise.all([source, target].map(listed));
  t.like(left, {state: 'Stopped', departing: {transfer}});
  t.like(arrived, {
    state: 'Stopped',
    incoming: {transfer, complete: true, sourceStartedAt: left?.lastStartedAt},
    servicesHash: 'h',
    hostKey: left?.hostKey,
  });
  t.is(new TextDecoder().decode(await target.harness.driver.readFile(uid, '/home/dev/work')), 'unsaved');

  const {connection} = target.controller;
  await t.throwsAsync(connection.request('instance/start', {uid}), {code: 'NotPermittedNow'});
  await t.throwsAsync(connection.request('instance/accept', {uid, transfer: 'another'}), {
    code: 'NotPermittedNow',
  });
  t.is((await connection.request('instance/accept', {uid, transfer})).incoming, undefined);
  await connection.request('instance/accept', {uid, transfer});
  t.is(
    (await connection.request('instance/discard', {uid, transfer})).state,
    'Stopped',
    'it is no copy any more',
  );
  await connection.request('instance/delete', {uid, mode: 'ifSaved', retention: 1000});
  await until(() => target.harness.driver.backend.instances.get(`nexus-${uid}`)?.retired !== undefined);
  t.pass('what has run elsewhere may hold work');
});

test('a sealed instance is started by nobody until it is kept, also after the agent was restarted', async t => {
  const {source, copy} = await setUp(t);
  await copy();
  await source.harness.restart();
  const {connection} = await source.harness.connect();
  await t.throwsAsync(connection.request('instance/start', {uid}), {
    code: 'NotPermittedNow',
    message: /being moved/,
  });
  await connection.request('instance/keep', {uid, transfer: 'another'});
  await t.throwsAsync(connection.request('instance/start', {uid}), {code: 'NotPermittedNow'});
  t.is((await connection.request('instance/keep', {uid, transfer})).departing, undefined);
  await connection.request('instance/start', {uid});
});

test('a copy that nobody goes on with is discarded, and only as the copy that it is', async t => {
  const {target, copy, until} = await setUp(t);
  await copy();
  const {connection} = target.controller;
  await connection.request('instance/discard', {uid, transfer: 'another'});
  t.is(target.harness.driver.backend.instances.size, 1);
  await connection.request('instance/discard', {uid, transfer});
  await until(() => target.harness.driver.backend.instances.size === 0);
});

test('a node that has an instance of that uid takes no copy over it', async t => {
  const {target, copy} = await setUp(t);
  await target.controller.connection.request('instance/create', spec());
  t.like(await copy(), {state: 'Failed', code: 'NotPermittedNow'});
  t.is(target.harness.driver.backend.instances.get(`nexus-${uid}`)?.incoming, undefined);
});

test('one that runs is not copied, and an older server can neither copy nor keep', async t => {
  const {source, copy, until} = await setUp(t);
  await source.harness.connect({epoch: 2});
  t.like(await copy(), {state: 'Failed', code: 'Fenced'});
  await t.throwsAsync(source.controller.connection.request('instance/keep', {uid, transfer}), {
    code: 'Fenced',
  });

  const newer = await source.harness.connect({epoch: 2});
  await newer.connection.request('instance/start', {uid});
  await until(() => stateOn(source) === 'Running');
});

test('a backend that fails leaves no half of a copy, and the next attempt succeeds', async t => {
  const {target, copy} = await setUp(t);
  target.harness.driver.backend.down = true;
  t.like(await copy(), {state: 'Failed'});
  target.harness.driver.backend.down = false;
  t.is(target.harness.driver.backend.instances.size, 0);
  t.like(await copy(1), {state: 'Done', attempt: 1});
});

test('a copy has the limits that it was asked for with, whatever came with it', async t => {
  const {target, copy} = await setUp(t);
  const limits = {cpus: 3, memory: 2 ** 29, disk: 2 ** 32};
  t.like(await copy(0, limits), {state: 'Done'});
  t.deepEqual((await listed(target))?.limits, limits);
});
