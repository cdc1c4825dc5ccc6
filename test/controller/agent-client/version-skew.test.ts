import {PassThrough} from 'node:stream';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import {z} from 'zod';
import type {AgentConnection} from '../../../api/agent/v1alpha1/connection.ts';
import {featureOfField, featureOfValue} from '../../../api/agent/v1alpha1/features.ts';
import type {InstanceState} from '../../../api/agent/v1alpha1/instance.ts';
import {createJsonRpcConnection, serveJsonRpc} from '../../../api/agent/v1alpha1/json-rpc-connection.ts';
import {
  heartbeatInterval,
  methodFeatures,
  notifications,
  requests,
} from '../../../api/agent/v1alpha1/messages.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {systemRandom} from '../../../api/effects/random.ts';
import {createAgents} from '../../../controller/agent-client/agent-client.ts';
import type {Agents, NodeView} from '../../../controller/agent-client/agents.ts';
import {spec, startHarness, uid} from '../../agent/agent-harness.ts';
import {localNode} from '../../fakes/nodes.ts';
import * as previous from '../../fixtures/previous-agent.mjs';

/** Two pipes. */
function createWire() {
  const [up, down] = [new PassThrough(), new PassThrough()];
  return {
    client: {input: down, output: up, log: silentLogger},
    server: {input: up, output: down, log: silentLogger},
  };
}

/** Resolves once the view of the node is as it should be. */
async function seen(agents: Agents, fits: (view: NodeView) => boolean): Promise<NodeView> {
  for (;;) {
    const changed = Promise.withResolvers<void>();
    using _ = agents.onChange(() => changed.resolve());
    const view = agents.view('n1');
    if (view !== undefined && fits(view)) {
      return view;
    }
    await changed.promise;
  }
}

const options = {
  clock: systemClock,
  random: systemRandom,
  log: silentLogger,
  epoch: 1,
  installation: 'abcdef',
};

/** A life of an instance, asked for and told over the wire. */
async function live(t: ExecutionContext, agents: Agents) {
  const isIdle = (view: NodeView, state: InstanceState) => {
    const instance = view.instances.get(uid);
    return instance?.state === state && instance.operation === undefined;
  };
  await agents.request('n1', 'instance/create', spec());
  await seen(agents, view => isIdle(view, 'Stopped'));
  await agents.request('n1', 'instance/start', {uid});
  await seen(agents, view => isIdle(view, 'Running'));
  const gone = await agents.request('n1', 'instance/delete', {uid, mode: 'always', retention: 0});
  t.true(['Stopping', 'Running', 'Missing', 'Stopped'].includes(gone.state));
  await seen(agents, view => !view.instances.has(uid));
}

test('an agent of the previous version works with this server, and is known to be too old for what is new', async t => {
  await using agent = await previous.startPreviousAgent({clock: systemClock, installation: 'abcdef'});
  await using agents = createAgents({
    ...options,
    async connect() {
      const {client, server} = createWire();
      agent.serve(server.input, server.output);
      return createJsonRpcConnection(client);
    },
  });
  agents.ensure(localNode('n1'));
  const view = await seen(agents, ({connected}) => connected);
  t.is(view.facts?.agentVersion, 'previous');
  t.is(view.facts?.package, undefined);
  t.deepEqual([...(view.features ?? ['none'])], []);
  await live(t, agents);
  await t.throwsAsync(agents.request('n1', 'features/negotiate', {features: []}), {code: 'Unsupported'});
});

test('this agent works with a server of the previous version, which is told nothing that it does not know', async t => {
  const harness = await startHarness({agentPackage: {id: '9.9.9-abc', platform: 'linux-x64'}});
  const raw: AgentConnection[] = [];
  const warned: string[] = [];
  const log = {...silentLogger, warn: (_fields: object, message: string) => void warned.push(message)};
  await using agents = previous.createAgents({
    ...options,
    log: {...log, child: () => log},
    async connect() {
      const {client, server} = createWire();
      harness.accept(handlers => serveJsonRpc({...server, handlers}));
      const connection = previous.createJsonRpcConnection({...client, log});
      raw.push(connection);
      return connection;
    },
  });
  agents.ensure(localNode('n1'));
  const view = await seen(agents, ({connected}) => connected);
  t.is(view.facts?.agentVersion, '1.2.3');
  await live(t, agents);
  const beaten = Promise.withResolvers<object>();
  raw[0]?.on('heartbeat', beaten.resolve);
  await harness.clock.advance(heartbeatInterval);
  t.false('package' in (await beaten.promise));
  t.deepEqual(warned, []);
});

test('with this server, this agent tells all', async t => {
  const agentPackage = {id: '9.9.9-abc', platform: 'linux-x64'};
  const harness = await startHarness({agentPackage});
  await using agents = createAgents({
    ...options,
    async connect() {
      const {client, server} = createWire();
      harness.accept(handlers => serveJsonRpc({...server, handlers}));
      return createJsonRpcConnection(client);
    },
  });
  agents.ensure(localNode('n1'));
  const view = await seen(agents, ({connected}) => connected);
  t.deepEqual(view.facts?.package, agentPackage);
  t.true(view.features?.has('package'));
});

/** What a peer of the previous version would refuse, and no feature guards. */
function unguarded(now: z.core.$ZodType, before: z.core.$ZodType, place: string): string[] {
  if (now instanceof z.ZodOptional && before instanceof z.ZodOptional) {
    return unguarded(now.unwrap(), before.unwrap(), place);
  }
  if (now instanceof z.ZodArray && before instanceof z.ZodArray) {
    return unguarded(now.element, before.element, `${place}[]`);
  }
  if (now instanceof z.ZodEnum && before instanceof z.ZodEnum) {
    return now.options
      .filter(value => !before.options.includes(value) && featureOfValue(now, value) === undefined)
      .map(value => `${place}: ${value}`);
  }
  if (now instanceof z.ZodObject && before instanceof z.ZodObject) {
    const shape: Readonly<Record<string, z.core.$ZodType>> = before.shape;
    const fields: readonly (readonly [string, z.core.$ZodType])[] = Object.entries(now.shape);
    return fields.flatMap(([name, field]) => {
      const known = shape[name];
      if (known === undefined) {
        return featureOfField(field) === undefined ? [`${place}.${name}`] : [];
      }
      return unguarded(field, known, `${place}.${name}`);
    });
  }
  return [];
}

test('whatever was added to the protocol since the previous version is guarded by a feature', t => {
  const guarded: Readonly<Record<string, unknown>> = methodFeatures;
  const violations: string[] = [];
  for (const [method, {params, result}] of Object.entries(requests)) {
    const before = previous.requests[method];
    if (method === 'features/negotiate') {
      continue;
    }
    if (before === undefined) {
      violations.push(...(guarded[method] === undefined ? [method] : []));
      continue;
    }
    violations.push(...unguarded(params, before.params, `${method} asks`));
    violations.push(...unguarded(result, before.result, `${method} answers`));
  }
  for (const [method, schema] of Object.entries(notifications)) {
    const before = previous.notifications[method];
    // Those that a peer does not know are passed over.
    violations.push(...(before === undefined ? [] : unguarded(schema, before, method)));
  }
  t.deepEqual(violations, []);
});
