import type {ExecutionContext} from 'ava';
import test from 'ava';
import {AgentError} from '../../../api/agent/v1alpha1/agent-error.ts';
import {timestampAt} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {createAgents} from '../../../controller/agent-client/agent-client.ts';
import {fixedRandom} from '../../fakes/fixed-random.ts';
import {nodeFactsAt} from '../../fakes/instances.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';
import type {MemoryLink} from '../../fakes/memory-link.ts';
import {createMemoryLink} from '../../fakes/memory-link.ts';
import {localNode} from '../../fakes/nodes.ts';
import {requestHandlers} from '../../fakes/request-handlers.ts';

async function startLink(t: ExecutionContext, backend: {isDown: boolean}) {
  const clock = createManualClock();
  let link: MemoryLink | undefined;
  const agents = createAgents({
    clock,
    random: fixedRandom(),
    log: silentLogger,
    epoch: 7,
    installation: 'abc123',
    async connect() {
      link = createMemoryLink(
        requestHandlers({
          initialize: async () => ({protocolVersion: 1, node: nodeFactsAt(timestampAt(clock.now()))}),
          async 'instance/list'() {
            if (backend.isDown) {
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
  agents.ensure(localNode('n1'));
  await clock.settle();
  return {
    clock,
    view: () => agents.view('n1'),
    async beat(ready: boolean) {
      await clock.advance(5000);
      const [provider] = nodeFactsAt('').providers;
      const providers = provider === undefined ? [] : [{...provider, ready}];
      link?.server.notify('heartbeat', nodeFactsAt(timestampAt(clock.now()), {providers}));
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
  const h = await startLink(t, {isDown: false});
  await h.beat(true);
  t.is(h.view()?.heardAt, h.clock.now());
});

test('once no backend answers what was seen grows old, however often the agent beats', async t => {
  const backend = {isDown: false};
  const h = await startLink(t, backend);
  await h.beat(true);
  const heardAt = h.view()?.heardAt;
  backend.isDown = true;
  for (let beats = 0; beats < 6; beats++) {
    await h.beat(false);
  }

  t.is(h.view()?.heardAt, heardAt);
  t.is(h.view()?.connected, false);
  t.regex(h.view()?.lastError ?? '', /Incus does not answer|nothing was heard/);
});
