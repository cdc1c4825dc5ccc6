import test from 'ava';
import fc from 'fast-check';
import type {Size} from '../../../controller/workspace/room.ts';
import {isWithin, requestsOf, roomOn, sum, wantedReservation} from '../../../controller/workspace/room.ts';
import type {Candidate, PlacementRequest} from '../../../controller/workspace/schedule.ts';
import {schedule} from '../../../controller/workspace/schedule.ts';
import {nodeFactsAt} from '../../fakes/instances.ts';
import {nodeOf, workspaceOf} from './fixtures.ts';

const gibibyte = 2 ** 30;

test('a workspace that does not say what it needs gets what an idle one takes, and never more than its limits', t => {
  t.deepEqual(requestsOf(workspaceOf().spec), {cpus: 0.05, memory: 2 ** 26, disk: 2 ** 27});
  const tiny = workspaceOf({resources: {cpus: 1, memory: '32MiB', disk: '100MiB'}}).spec;
  t.deepEqual(requestsOf(tiny), {cpus: 0.05, memory: 2 ** 25, disk: 100 * 2 ** 20});
});

test('one that does gets what it says', t => {
  const {spec} = workspaceOf({resources: {requests: {cpus: 1.5, memory: '1GiB'}}});
  t.deepEqual(requestsOf(spec), {cpus: 1.5, memory: gibibyte, disk: 2 ** 27});
  t.deepEqual(wantedReservation({...spec, running: false}), {cpus: 0, memory: 0, disk: 2 ** 27});
});

type Asked = {readonly owner: string; readonly request: PlacementRequest};

const anySize = (cpus: number, memory: number, disk: number): fc.Arbitrary<Size> =>
  fc.record({
    cpus: fc.double({min: 0, max: cpus, noNaN: true}),
    memory: fc.integer({min: 1, max: memory}),
    disk: fc.integer({min: 1, max: disk}),
  });

const anyRequest: fc.Arbitrary<Asked> = fc
  .record({
    owner: fc.constantFrom('ada', 'bob'),
    requests: anySize(4, 6 * gibibyte, 30 * gibibyte),
    selects: fc.boolean(),
    services: fc.nat({max: 2}),
  })
  .map(({owner, requests, selects, services}) => ({
    owner,
    request: {
      spec: {provider: 'lxc' as const, ...(selects && {nodeSelector: {fast: 'yes'}})},
      size: {cpus: 4, memory: 6 * gibibyte, disk: 30 * gibibyte},
      requests,
      ports: [
        {name: 'ssh', targetPort: 22},
        ...Array.from({length: services}, (_, index) => ({name: `s${index}`, targetPort: 3000 + index})),
      ],
    },
  }));

const anyNode = fc.record({
  allocatable: anySize(8, 24 * gibibyte, 100 * gibibyte),
  fast: fc.boolean(),
  cordoned: fc.boolean(),
  overcommit: fc.option(fc.record({memory: fc.double({min: 0.5, max: 3, noNaN: true})}), {nil: undefined}),
  foreign: fc.uniqueArray(fc.integer({min: 2222, max: 2226})),
});

type AnyNode = typeof anyNode extends fc.Arbitrary<infer T> ? T : never;
type Tenant = {readonly owner: string; readonly reserved: Size; readonly ports: readonly number[]};

function candidateOf(node: AnyNode, index: number, {tenants, owner}: {tenants: Tenant[]; owner: string}) {
  const {allocatable, overcommit} = node;
  const whole = {...allocatable, cpus: Math.floor(allocatable.cpus)};
  return {
    node: nodeOf(
      `node-${index}`,
      {unschedulable: node.cordoned, ...(overcommit !== undefined && {overcommit})},
      node.fast ? {fast: 'yes'} : {},
    ),
    facts: nodeFactsAt('2026-11-20T10:00:00.000Z', {
      capacity: {cpus: 8, memory: 24 * gibibyte, disk: 100 * gibibyte},
      allocatable: whole,
    }),
    used: sum(tenants.map(({reserved}) => reserved)),
    workspaces: tenants.length,
    owned: tenants.filter(tenant => tenant.owner === owner).length,
    reserved: sum(tenants.map(({reserved}) => reserved)),
    takenPorts: () => new Set([...node.foreign, ...tenants.flatMap(({ports}) => ports)]),
  } satisfies Candidate;
}

test('placed one after the other: no node is promised more than it may, no port is given twice, and only nodes that may take it do', t => {
  fc.assert(
    fc.property(
      fc.array(anyNode, {minLength: 1, maxLength: 4}),
      fc.array(anyRequest, {maxLength: 25}),
      (nodes, requests) => {
        const tenants = nodes.map((): Tenant[] => []);
        for (const {owner, request} of requests) {
          const candidates = nodes.map((node, index) =>
            candidateOf(node, index, {tenants: tenants[index] ?? [], owner}),
          );
          const result = schedule(request, candidates);
          if (result.kind === 'Unplaced') {
            t.true(
              candidates.every(({node}) => result.message.includes(node.metadata.name)),
              result.message,
            );
            continue;
          }

          const index = candidates.findIndex(({node}) => node.metadata.name === result.node);
          const {cordoned = true, fast = false} = nodes[index] ?? {};
          t.false(cordoned);
          t.true(fast || request.spec.nodeSelector === undefined);
          t.is(result.ports.length, request.ports.length);
          for (const {nodePort} of result.ports) {
            t.false(candidates[index]?.takenPorts().has(nodePort));
          }

          tenants[index]?.push({
            owner,
            reserved: request.requests,
            ports: result.ports.map(({nodePort}) => nodePort),
          });
        }

        for (const [index, node] of nodes.entries()) {
          const {node: declared, facts} = candidateOf(node, index, {tenants: [], owner: ''});
          const promised = sum((tenants[index] ?? []).map(({reserved}) => reserved));
          const nothing = {cpus: 0, memory: 0, disk: 0};
          t.true(isWithin(promised, roomOn(declared.spec, facts.allocatable, nothing)));
        }
      },
    ),
    {numRuns: 150},
  );
});

test('the choice is the same in whatever order the nodes are looked at', t => {
  fc.assert(
    fc.property(
      fc.array(anyNode, {minLength: 1, maxLength: 5}),
      fc.array(anySize(4, 4 * gibibyte, 4 * gibibyte), {maxLength: 5}),
      anyRequest,
      fc.infiniteStream(fc.nat()),
      (nodes, reservations, {request}, order) => {
        const candidates = nodes.map((node, index) =>
          candidateOf(node, index, {
            tenants: reservations
              .slice(0, index)
              .map((reserved, port) => ({owner: 'ada', reserved, ports: [2222 + port]})),
            owner: 'ada',
          }),
        );
        const shuffled = candidates
          .map(each => ({each, rank: order.next().value ?? 0}))
          .sort((left, right) => left.rank - right.rank)
          .map(({each}) => each);
        const one = schedule(request, candidates);
        const other = schedule(request, shuffled);
        t.is(one.kind, other.kind);
        if (one.kind === 'Placed') {
          t.deepEqual(one, other);
        }
      },
    ),
    {numRuns: 150},
  );
});

test('workspaces of one owner are spread over nodes that are alike', t => {
  const node = {
    allocatable: {cpus: 8, memory: 24 * gibibyte, disk: 100 * gibibyte},
    fast: false,
    cordoned: false,
    overcommit: undefined,
    foreign: [],
  };
  fc.assert(
    fc.property(fc.integer({min: 2, max: 5}), fc.integer({min: 0, max: 20}), (nodes, count) => {
      const tenants = Array.from({length: nodes}, (): Tenant[] => []);
      for (let index = 0; index < count; index += 1) {
        const result = schedule(
          {
            spec: {provider: 'lxc'},
            size: {cpus: 1, memory: 1, disk: 1},
            requests: {cpus: 0.05, memory: 2 ** 26, disk: 2 ** 27},
            ports: [],
          },
          tenants.map((present, place) => candidateOf(node, place, {tenants: present, owner: 'ada'})),
        );
        const place = result.kind === 'Placed' ? Number(result.node.slice('node-'.length)) : -1;
        tenants[place]?.push({
          owner: 'ada',
          reserved: {cpus: 0.05, memory: 2 ** 26, disk: 2 ** 27},
          ports: [],
        });
      }

      const counts = tenants.map(({length}) => length);
      t.true(Math.max(...counts) - Math.min(...counts) <= 1, counts.join(' '));
    }),
  );
});
