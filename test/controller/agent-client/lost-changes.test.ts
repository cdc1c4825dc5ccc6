import type {ExecutionContext} from 'ava';
import test from 'ava';
import {AgentError} from '../../../api/agent/v1alpha1/agent-error.ts';
import type {Instance} from '../../../api/agent/v1alpha1/instance.ts';
import {timestampAt} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {createAgents} from '../../../controller/agent-client/agent-client.ts';
import {fixedRandom} from '../../fakes/fixed-random.ts';
import {nodeFactsAt, runningInstance} from '../../fakes/instances.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';
import type {MemoryLink} from '../../fakes/memory-link.ts';
import {createMemoryLink} from '../../fakes/memory-link.ts';
import {localNode} from '../../fakes/nodes.ts';
import {requestHandlers} from '../../fakes/request-handlers.ts';

/** A controller that is connected to one node, which has `instances`, and an agent's end that a test speaks for. */
async function connected(t: ExecutionContext, instances: Map<string, Instance>) {
  const clock = createManualClock();
  const changes: (string | undefined)[] = [];
  const backend = {isDown: false};
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
              throw new AgentError('BackendUnavailable', 'no answer');
            }
            return {instances: [...instances.values()]};
          },
        }),
      );
      return link.connection;
    },
  });
  t.teardown(async () => await agents[Symbol.asyncDispose]());
  agents.onChange(({uid}) => changes.push(uid));
  agents.ensure(localNode('n1'));
  await clock.settle();
  return {
    backend,
    changes,
    stateOf: (uid: string) => agents.view('n1')?.instances.get(uid)?.state,
    lists: () => link?.requests.filter(({method}) => method === 'instance/list').length,
    async tell(instance: Instance) {
      instances.set(instance.uid, instance);
      link?.server.notify('instance/changed', instance);
      await clock.settle();
    },
    /** With the number of changes that the agent has sent; none is said by an older agent. */
    async beat(sent?: number) {
      await clock.advance(5000);
      const facts = nodeFactsAt(timestampAt(clock.now()), sent === undefined ? {} : {changes: sent});
      link?.server.notify('heartbeat', facts);
      await clock.settle();
    },
  };
}

const stopped = (uid: string) => runningInstance(uid, {state: 'Stopped', sshReady: false});

test('while no change is lost nothing is listed again', async t => {
  const h = await connected(t, new Map());
  await h.beat(0);
  await h.tell(runningInstance('a'));
  await h.tell(stopped('a'));
  await h.beat(2);
  await h.beat(2);
  t.is(h.lists(), 1);
  t.deepEqual(h.changes, [undefined, 'a', 'a']);
});

test('changes that were lost, also of what is gone, are made up for by one list at the next heartbeat', async t => {
  const instances = new Map([
    ['a', runningInstance('a')],
    ['b', runningInstance('b')],
  ]);
  const h = await connected(t, instances);
  instances.set('a', stopped('a')).delete('b');
  t.is(h.stateOf('a'), 'Running');
  await h.beat(2);
  t.is(h.stateOf('a'), 'Stopped');
  t.is(h.stateOf('b'), undefined);
  t.deepEqual(h.changes, [undefined, undefined]);
  await h.tell(runningInstance('a'));
  await h.beat(3);
  t.is(h.lists(), 2);
});

test('changes that came twice, or after the heartbeat that counts them, cost a list each time and no more', async t => {
  const h = await connected(t, new Map());
  await h.tell(runningInstance('a'));
  await h.tell(runningInstance('a'));
  await h.beat(1);
  t.is(h.lists(), 2);
  await h.beat(1);
  t.is(h.lists(), 2);

  await h.beat(2);
  t.is(h.lists(), 3);
  await h.tell(stopped('a'));
  await h.beat(2);
  t.is(h.lists(), 4);
  await h.beat(2);
  t.is(h.lists(), 4);
  t.is(h.stateOf('a'), 'Stopped');
});

test('a list that fails is asked for again at each heartbeat until it comes', async t => {
  const instances = new Map([['a', runningInstance('a')]]);
  const h = await connected(t, instances);
  instances.set('a', stopped('a'));
  h.backend.isDown = true;
  await h.beat(1);
  await h.beat(1);
  t.is(h.lists(), 3);
  t.is(h.stateOf('a'), 'Running');
  h.backend.isDown = false;
  await h.beat(1);
  t.is(h.stateOf('a'), 'Stopped');
  await h.beat(1);
  t.is(h.lists(), 4);
});

test('an agent that does not count is believed', async t => {
  const h = await connected(t, new Map());
  await h.tell(runningInstance('a'));
  await h.beat();
  t.is(h.lists(), 1);
});
