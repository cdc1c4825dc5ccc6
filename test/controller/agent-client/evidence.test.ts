import type {ExecutionContext} from 'ava';
import test from 'ava';
import {AgentError} from '../../../api/agent/v1alpha1/agent-error.ts';
import type {NodeFacts} from '../../../api/agent/v1alpha1/messages.ts';
import {timestampAt} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {findCondition} from '../../../api/v1alpha1/condition.ts';
import {createAgents} from '../../../controller/agent-client/agent-client.ts';
import {nodeStatusOf} from '../../../controller/node/status.ts';
import {fixedRandom} from '../../fakes/fixed-random.ts';
import {nodeFactsAt} from '../../fakes/instances.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';
import type {MemoryLink} from '../../fakes/memory-link.ts';
import {createMemoryLink} from '../../fakes/memory-link.ts';
import {localNode} from '../../fakes/nodes.ts';
import {requestHandlers} from '../../fakes/request-handlers.ts';

function factsAt(time: number, ready: boolean) {
  const message = ready ? {} : {message: 'it is not set up'};
  return nodeFactsAt(timestampAt(time), {
    providers: [{name: 'lxc', backend: 'incus', version: '6.0.4', ready, ...message}],
  });
}

async function startLink(t: ExecutionContext, {isDown = false, ready = true} = {}) {
  const clock = createManualClock();
  let link: MemoryLink | undefined;
  let connections = 0;
  let changes = 0;
  const agents = createAgents({
    clock,
    random: fixedRandom(),
    log: silentLogger,
    epoch: 7,
    installation: 'abc123',
    async connect() {
      connections += 1;
      link = createMemoryLink(
        requestHandlers({
          initialize: async () => ({protocolVersion: 1, node: factsAt(clock.now(), ready)}),
          async 'instance/list'() {
            if (isDown) {
              throw new AgentError('BackendUnavailable', 'Incus does not answer');
            }
            return {instances: []};
          },
        }),
      );
      return link.connection;
    },
  });
  t.teardown(async () => await agents[Symbol.asyncDispose]());
  agents.onChange(() => {
    changes += 1;
  });
  agents.ensure(localNode('n1'));
  await clock.settle();
  return {
    clock,
    view: () => agents.view('n1'),
    connections: () => connections,
    changes: () => changes,
    async beat(ready: boolean) {
      await clock.advance(5000);
      link?.server.notify('heartbeat', factsAt(clock.now(), ready));
      await clock.settle();
    },
    async tell(facts: NodeFacts) {
      await clock.advance(5000);
      link?.server.notify('heartbeat', facts);
      await clock.settle();
    },
  };
}

test('heartbeats of an agent that could not list its instances yet are no evidence', async t => {
  const h = await startLink(t, {isDown: true});
  await h.beat(true);
  t.is(h.view()?.heardAt, undefined);
  t.not(h.view()?.synced, true);
});

test('heartbeats renew what is known while a backend answers', async t => {
  const h = await startLink(t);
  await h.beat(true);
  t.is(h.view()?.heardAt, h.clock.now());
});

test('once no backend answers what was seen grows old, however often the agent beats', async t => {
  const h = await startLink(t);
  await h.beat(true);
  const heardAt = h.clock.now();
  for (let beats = 0; beats < 6; beats++) {
    await h.beat(false);
  }

  t.is(h.view()?.heardAt, heardAt);
  t.true(h.view()?.connected, 'so that the node says why');
  t.is(h.view()?.facts?.providers[0]?.message, 'it is not set up');
  await h.beat(true);
  t.is(h.view()?.heardAt, h.clock.now());
});

test('it is told when its backend goes, once more when what was seen is void, and when it comes back', async t => {
  const h = await startLink(t);
  await h.beat(true);
  const before = h.changes();
  for (let beats = 0; beats < 5; beats++) {
    await h.beat(false);
  }
  t.is(h.changes() - before, 1);
  await h.beat(false);
  t.is(h.changes() - before, 2);
  await h.beat(false);
  t.is(h.changes() - before, 2);
  await h.beat(true);
  t.is(h.changes() - before, 3);
});

test('a node that was never set up is connected to, shows why it can run nothing, and is no evidence', async t => {
  const h = await startLink(t, {ready: false});
  for (let beats = 0; beats < 6; beats++) {
    await h.beat(false);
  }

  const view = h.view();
  t.is(view?.heardAt, undefined);
  t.is(h.connections(), 1);
  const {conditions} = nodeStatusOf(localNode('n1'), {view, workspaces: 0, now: h.clock.now()});
  const ready = findCondition(conditions, 'Ready');
  t.like(ready, {status: 'False', reason: 'ProviderUnavailable'});
  t.regex(ready?.message ?? '', /it is not set up/);
});

test('each backend is evidence for itself, from when it was heard to be ready on this connection', async t => {
  const h = await startLink(t);
  const both = (docker: boolean) =>
    nodeFactsAt(timestampAt(h.clock.now()), {
      providers: [
        {name: 'lxc', backend: 'incus', version: '6.0.4', ready: true},
        {name: 'docker', backend: 'docker', version: '20.10', ready: docker},
      ],
    });
  await h.beat(true);
  t.is(h.view()?.providers.get('docker'), undefined);
  await h.tell(both(true));
  const readyAt = h.clock.now();
  t.deepEqual(h.view()?.providers.get('docker'), {readyAt, told: true});
  const before = h.changes();
  for (let beats = 0; beats < 6; beats++) {
    await h.tell(both(false));
  }

  t.deepEqual(h.view()?.providers.get('docker'), {readyAt, told: true});
  t.is(h.view()?.providers.get('lxc')?.readyAt, h.clock.now());
  t.is(h.changes() - before, 2, 'when it went, and when what was seen of it was void');
});
