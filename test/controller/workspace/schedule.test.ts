import test from 'ava';
import type {Candidate, PlacementRequest} from '../../../controller/workspace/schedule.ts';
import {schedule} from '../../../controller/workspace/schedule.ts';
import {nodeFactsAt} from '../../fakes/instances.ts';
import {nodeOf} from './fixtures.ts';

const gibibyte = 2 ** 30;
const request: PlacementRequest = {
  spec: {provider: 'lxc'},
  size: {cpus: 2, memory: 4 * gibibyte, disk: 20 * gibibyte},
  requests: {cpus: 0.05, memory: gibibyte / 16, disk: gibibyte / 8},
  ports: [
    {name: 'ssh', targetPort: 22},
    {name: 'web', targetPort: 3000},
  ],
};

function candidate(node: Candidate['node'], changes: Partial<Candidate> = {}): Candidate {
  return {
    node,
    facts: nodeFactsAt('2026-11-20T10:00:00.000Z'),
    used: {cpus: 0, memory: 0, disk: 0},
    workspaces: 0,
    owned: 0,
    reserved: {cpus: 0, memory: 0, disk: 0},
    takenPorts: () => new Set(),
    ...changes,
  };
}

const facts = nodeFactsAt('2026-11-20T10:00:00.000Z');

const refusals: readonly (readonly [
  string,
  PlacementRequest,
  Candidate,
  'Unschedulable' | 'PortsExhausted',
  RegExp,
])[] = [
  [
    'another node is asked for',
    {...request, spec: {provider: 'lxc', node: 'two'}},
    candidate(nodeOf('one')),
    'Unschedulable',
    /one: the workspace asks for node two/,
  ],
  [
    'a label is wanting',
    {...request, spec: {provider: 'lxc', nodeSelector: {gpu: 'yes'}}},
    candidate(nodeOf('one', {}, {gpu: 'no'})),
    'Unschedulable',
    /one: it lacks the label gpu=yes/,
  ],
  [
    'it is cordoned',
    request,
    candidate(nodeOf('one', {unschedulable: true})),
    'Unschedulable',
    /cordoned; undo with: nexus node uncordon one/,
  ],
  [
    'it does not offer the provider',
    {...request, spec: {provider: 'qemu'}},
    candidate(nodeOf('one', {providers: ['lxc']})),
    'Unschedulable',
    /does not offer provider qemu/,
  ],
  [
    'it has no such backend',
    {...request, spec: {provider: 'qemu'}},
    candidate(nodeOf('one')),
    'Unschedulable',
    /has no backend for provider qemu/,
  ],
  [
    'it is silent',
    request,
    candidate(nodeOf('one'), {facts: undefined}),
    'Unschedulable',
    /not ready; see: nexus node status one/,
  ],
  [
    'the backend is down',
    request,
    candidate(nodeOf('one'), {
      facts: {
        ...facts,
        providers: [{name: 'lxc', backend: 'incus', version: '6', ready: false, message: 'socket refused'}],
      },
    }),
    'Unschedulable',
    /provider lxc is not ready there \(socket refused\)/,
  ],
  [
    'it could never have the memory',
    {...request, size: {...request.size, memory: 17 * gibibyte}},
    candidate(nodeOf('one')),
    'Unschedulable',
    /it has 16 GiB of memory, and resources.memory is 17 GiB/,
  ],
  [
    'it could never have the disk',
    {...request, size: {...request.size, disk: 200 * gibibyte}},
    candidate(nodeOf('one')),
    'Unschedulable',
    /it has 100 GiB of disk, and resources.disk is 200 GiB/,
  ],
  [
    'what may be set aside of its memory is set aside',
    {...request, requests: {...request.requests, memory: 2 * gibibyte}},
    candidate(nodeOf('one'), {reserved: {cpus: 0, memory: 14 * gibibyte, disk: 0}}),
    'Unschedulable',
    /one: it has 1 GiB of memory left to set aside, and resources.requests.memory is 2 GiB/,
  ],
  [
    'what may be set aside of its disk is set aside',
    request,
    candidate(nodeOf('one'), {reserved: {cpus: 0, memory: 0, disk: 90 * gibibyte}}),
    'Unschedulable',
    /it has 0 MiB of disk left to set aside, and resources.requests.disk is 128 MiB/,
  ],
  [
    'its processors are promised eight times',
    {...request, requests: {...request.requests, cpus: 1.5}},
    candidate(nodeOf('one'), {reserved: {cpus: 63, memory: 0, disk: 0}}),
    'Unschedulable',
    /it has 1 of processors left to set aside, and resources.requests.cpus is 1.5/,
  ],
  [
    'its ssh ports are all taken',
    request,
    candidate(nodeOf('one'), {
      takenPorts: () => new Set(Array.from({length: 78}, (_, index) => 2222 + index)),
    }),
    'PortsExhausted',
    /all ports from 2222 to 2299 are taken/,
  ],
];

for (const [title, asked, only, reason, message] of refusals) {
  test(`a node is refused when ${title}`, t => {
    const result = schedule(asked, [only]);
    t.is(result.kind, 'Unplaced');
    if (result.kind === 'Unplaced') {
      t.is(result.reason, reason);
      t.regex(result.message, message);
    }
  });
}

test('without nodes the message says how to add one', t => {
  const result = schedule(request, []);
  t.like(result, {kind: 'Unplaced', reason: 'NoNodes'});
  t.regex(result.kind === 'Unplaced' ? result.message : '', /nexus node add/);
});

test('one sentence says of every node why it was refused, and names together those with the same reason', t => {
  const result = schedule(request, [
    candidate(nodeOf('one', {unschedulable: true})),
    candidate(nodeOf('two'), {facts: undefined}),
    candidate(nodeOf('three', {providers: ['docker']})),
    candidate(nodeOf('four', {providers: ['docker']})),
  ]);
  const message = result.kind === 'Unplaced' ? result.message : '';
  t.regex(message, /^No node can take it: one: .*; two: .*; three, four: it does not offer provider lxc\.$/);
});

test('the node with the least asked of it is chosen, then the one with fewest workspaces, then by name', t => {
  const busy = candidate(nodeOf('a'), {used: {cpus: 4, memory: 8 * gibibyte, disk: 0}, workspaces: 2});
  const idle = candidate(nodeOf('b'));
  const same = candidate(nodeOf('c'));
  t.like(schedule(request, [busy, same, idle]), {kind: 'Placed', node: 'b'});
  t.like(schedule(request, [busy]), {kind: 'Placed', node: 'a'});
});

test('of nodes that are loaded about alike, the one with the fewest workspaces of the same owner is chosen', t => {
  const theirs = candidate(nodeOf('a'), {owned: 2, workspaces: 2});
  const others = candidate(nodeOf('b'), {used: {cpus: 1, memory: gibibyte, disk: 0}, workspaces: 3});
  t.like(schedule(request, [theirs, others]), {kind: 'Placed', node: 'b'});
  const full = {...others, used: {cpus: 8, memory: 8 * gibibyte, disk: 0}};
  t.like(schedule(request, [theirs, full]), {kind: 'Placed', node: 'a'});
});

test('a node that is overcommitted sets aside more than it has', t => {
  const asked = {...request, requests: {...request.requests, memory: 2 * gibibyte}};
  const reserved = {cpus: 0, memory: 14 * gibibyte, disk: 0};
  t.is(schedule(asked, [candidate(nodeOf('one'), {reserved})]).kind, 'Unplaced');
  t.is(schedule(asked, [candidate(nodeOf('one', {overcommit: {memory: 1.5}}), {reserved})]).kind, 'Placed');
});

test('a node may be promised more than it has: limits are not reservations', t => {
  const full = candidate(nodeOf('a'), {used: {cpus: 99, memory: 999 * gibibyte, disk: 0}, workspaces: 70});
  t.like(schedule(request, [full]), {kind: 'Placed', node: 'a'});
});

test('a machine of 4 GiB that reports a little less takes a workspace of 4 GiB', t => {
  const small = candidate(nodeOf('a'), {
    facts: {...facts, capacity: {...facts.capacity, memory: Math.floor(3.8 * gibibyte)}},
  });
  t.like(schedule(request, [small]), {kind: 'Placed', node: 'a'});
});

test('what a backend has counts, and not what another one on the same machine has', t => {
  const [lxc] = facts.providers;
  const small = {...lxc, name: 'docker' as const, ready: true, backend: 'docker', version: '20.10'};
  const node = candidate(nodeOf('a'), {
    facts: {
      ...facts,
      providers: [...facts.providers, {...small, capacity: {...facts.capacity, disk: gibibyte}}],
    },
  });
  t.like(schedule(request, [node]), {kind: 'Placed', node: 'a'});
  const onDocker = schedule({...request, spec: {provider: 'docker'}}, [node]);
  t.regex(onDocker.kind === 'Unplaced' ? onDocker.message : '', /has 1 GiB of disk/);
});

test('a placed workspace has its ports', t => {
  t.deepEqual(schedule(request, [candidate(nodeOf('a'), {takenPorts: () => new Set([2222])})]), {
    kind: 'Placed',
    node: 'a',
    ports: [
      {name: 'ssh', nodePort: 2223, targetPort: 22},
      {name: 'web', nodePort: 23000, targetPort: 3000},
    ],
  });
});
