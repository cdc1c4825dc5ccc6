import test from 'ava';
import {findCondition} from '../../../api/v1alpha1/condition.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import type {NodeView} from '../../../controller/agent-client/agents.ts';
import {isReachable, isWorthWriting, nextLook, nodeStatusOf} from '../../../controller/node/status.ts';
import {nodeFactsAt} from '../../fakes/instances.ts';
import {localNode} from '../../fakes/nodes.ts';

const start = Date.parse('2026-11-20T10:00:00.000Z');

function view(changes: Partial<NodeView> = {}): NodeView {
  return {
    connected: true,
    synced: true,
    heardAt: start,
    facts: nodeFactsAt('2026-11-20T10:00:00.000Z'),
    providers: new Map(),
    instances: new Map(),
    ...changes,
  };
}

const lost = (changes: Partial<NodeView> = {}): NodeView => ({
  connected: false,
  synced: false,
  providers: new Map(),
  instances: new Map(),
  ...changes,
});

/** As it was written at the start. */
function wasReady(): Stored<'Node'> {
  const node = localNode('n1');
  return {...node, status: nodeStatusOf(node, {view: view(), workspaces: 3, now: start})};
}

const remote = localNode('n1', {local: false, address: '10.0.0.9'});
const notReady = nodeFactsAt('2026-11-20T10:00:00.000Z', {
  providers: [
    {name: 'lxc', backend: 'incus', version: '', ready: false, message: 'connect ENOENT /run/incus.socket'},
  ],
});

const cases: readonly {
  readonly name: string;
  readonly node: Stored<'Node'>;
  readonly view?: NodeView;
  readonly after?: number;
  readonly expected: readonly [status: 'True' | 'False' | 'Unknown', reason: string, message: RegExp];
}[] = [
  {
    name: 'an agent that answers and has a backend',
    node: localNode('n1'),
    view: view(),
    expected: ['True', 'AgentReady', /ready: incus 6\.0\.4/],
  },
  {
    name: 'an agent whose backend is down',
    node: localNode('n1'),
    view: view({facts: notReady}),
    expected: ['False', 'ProviderUnavailable', /lxc: connect ENOENT .*nexus doctor/],
  },
  {
    name: 'an agent that has none of the declared providers',
    node: localNode('n1', {providers: ['qemu']}),
    view: view(),
    expected: ['False', 'ProviderUnavailable', /qemu: its agent has no backend for it/],
  },
  {
    name: 'a remote node without a pinned host key',
    node: remote,
    expected: ['False', 'HostKeyMissing', /nexus node add n1 10\.0\.0\.9/],
  },
  {
    name: 'a node that has never been heard, at first',
    node: localNode('n1'),
    view: lost(),
    expected: ['Unknown', 'Connecting', /It was never heard/],
  },
  {
    name: 'a node that has never been heard, after an attempt',
    node: localNode('n1'),
    view: lost({lastError: 'connect ECONNREFUSED'}),
    expected: ['False', 'Unreachable', /connect ECONNREFUSED\. It was never heard/],
  },
  {
    name: 'a node that was ready, after the server has started again',
    node: wasReady(),
    view: lost(),
    after: 3_600_000,
    expected: ['Unknown', 'Connecting', /last heard at 2026-11-20T10:00:00\.000Z/],
  },
  {
    name: 'a node that was lost a moment ago',
    node: wasReady(),
    view: lost({lastError: 'the peer ended the connection', heardAt: start}),
    after: 19_999,
    expected: ['True', 'AgentReady', /answers/],
  },
  {
    name: 'a node that was lost for longer than the heartbeat deadline',
    node: wasReady(),
    view: lost({lastError: 'the peer ended the connection', heardAt: start}),
    after: 20_000,
    expected: [
      'False',
      'Unreachable',
      /the peer ended the connection\. It was last heard at 2026-11-20T10:00:00/,
    ],
  },
];

for (const {name, node, view: seen, after = 0, expected} of cases) {
  test(`Ready of ${name} is ${expected[0]} ${expected[1]}`, t => {
    const {conditions} = nodeStatusOf(node, {view: seen, workspaces: 0, now: start + after});
    const ready = findCondition(conditions, 'Ready');
    t.is(ready?.status, expected[0]);
    t.is(ready?.reason, expected[1]);
    t.regex(ready?.message ?? '', expected[2]);
  });
}

test('facts are taken over, and kept when the node is lost', t => {
  const node = wasReady();
  t.like(node.status, {
    agentVersion: '0.1.0',
    bootId: 'boot-1',
    heartbeatAt: '2026-11-20T10:00:00.000Z',
    workspaces: 3,
    observedGeneration: 1,
  });
  const later = nodeStatusOf(node, {view: lost({lastError: 'x'}), workspaces: 3, now: start + 60_000});
  t.is(later.heartbeatAt, '2026-11-20T10:00:00.000Z');
  t.is(later.agentVersion, '0.1.0');
});

test('heartbeats alone are written once a minute, news at once', t => {
  const node = wasReady();
  const at = (milliseconds: number, changes: Partial<NodeView> = {}) =>
    nodeStatusOf(node, {
      view: view({heardAt: start + milliseconds, ...changes}),
      workspaces: 5,
      now: start + milliseconds,
    });
  t.true(isWorthWriting(undefined, at(0)));
  t.false(isWorthWriting(node.status, at(0)));
  t.false(isWorthWriting(node.status, at(59_999)));
  t.true(isWorthWriting(node.status, at(60_000)));
  t.true(isWorthWriting(node.status, at(5000, {facts: notReady})));
});

test('a node that stays lost is written once and then left alone', t => {
  const node = wasReady();
  const seen = lost({lastError: 'no route to host', heardAt: start});
  const first = nodeStatusOf(node, {view: seen, workspaces: 3, now: start + 20_000});
  t.true(isWorthWriting(node.status, first));
  const again = nodeStatusOf({...node, status: first}, {view: seen, workspaces: 3, now: start + 9_000_000});
  t.false(isWorthWriting(first, again));
});

test('it is looked at again when the next heartbeat is to be written or the deadline passes', t => {
  const node = wasReady();
  const look = (seen: NodeView | undefined, after: number) =>
    nextLook(node, {view: seen, workspaces: 0, now: start + after});
  t.is(look(view(), 0), 65_000);
  t.is(look(view(), 64_500), 1000);
  t.is(look(lost({heardAt: start}), 5000), 15_000);
  t.is(look(lost({heardAt: start}), 20_000), undefined);
  t.is(look(lost(), 0), undefined);
  t.is(look(undefined, 0), undefined);
});

test('a remote node is reachable only with a pinned host key', t => {
  t.false(isReachable(remote));
  t.true(isReachable(localNode('n1')));
  t.true(isReachable(localNode('n1', {local: false, hostKey: 'ssh-ed25519 AAAA'})));
});
