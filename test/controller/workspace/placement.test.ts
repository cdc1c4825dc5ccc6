import test from 'ava';
import type {Instance} from '../../../api/agent/v1alpha1/instance.ts';
import type {PlacementOptions} from '../../../controller/workspace/placement.ts';
import {decidePlacement, withPlace} from '../../../controller/workspace/placement.ts';
import type {Candidate} from '../../../controller/workspace/schedule.ts';
import {nodeFactsAt} from '../../fakes/instances.ts';
import {desiredFor, healthyInstance, nodeOf, ports, present, workspaceOf} from './fixtures.ts';

const candidate: Candidate = {
  node: nodeOf('one'),
  facts: nodeFactsAt('2026-11-20T10:00:00.000Z'),
  used: {cpus: 0, memory: 0, disk: 0},
  workspaces: 0,
  owned: 0,
  reserved: {cpus: 0, memory: 0, disk: 0},
  takenPorts: () => new Set(),
};

const reserved = {cpus: 0.05, memory: 2 ** 26, disk: 2 ** 27};

function decide(changes: Partial<PlacementOptions> & {workspace?: ReturnType<typeof workspaceOf>}) {
  const {workspace = workspaceOf(), ...options} = changes;
  return decidePlacement(workspace, {
    desired: desiredFor(workspace),
    sight: present(),
    status: {node: 'one', ports},
    candidates: () => [candidate],
    ...options,
  });
}

const fewer = workspaceOf({services: [{name: 'db', command: 'postgres -D data', port: 5432}]});
const more = workspaceOf({
  services: [
    {name: 'db', command: 'x', port: 5432},
    {name: 'web', command: 'x', port: 3000},
    {name: 'api', command: 'x', port: 4000},
  ],
});
const never = (): readonly Candidate[] => {
  throw new Error('candidates must not be looked at');
};

test('a workspace that has what it asks for keeps it, and no node is looked at', t => {
  t.is(decide({candidates: never}).kind, 'Kept');
});

test('one without a node is placed, with all its ports at once', t => {
  t.deepEqual(decide({status: {}, sight: {kind: 'Unplaced'}}), {
    kind: 'Changed',
    node: 'one',
    ports,
    reserved,
  });
});

test('one that is not to run, or is being deleted, is not placed', t => {
  const options = {status: {}, sight: {kind: 'Unplaced'}, candidates: never} as const;
  t.is(decide({...options, workspace: workspaceOf({running: false})}).kind, 'Kept');
  const deletionTimestamp = '2026-11-20T09:59:00.000Z';
  t.is(decide({...options, workspace: workspaceOf({}, {metadata: {deletionTimestamp}})}).kind, 'Kept');
});

test('a new service gets a port', t => {
  const placement = decide({workspace: more});
  t.deepEqual(placement.kind === 'Changed' && placement.ports.find(({name}) => name === 'api'), {
    name: 'api',
    nodePort: 23002,
    targetPort: 4000,
  });
});

test('what can not be had is left out, and what was had stays', t => {
  const takenPorts = () => new Set(Array.from({length: 1000}, (_, index) => 23_000 + index));
  t.is(decide({workspace: more, candidates: () => [{...candidate, takenPorts}]}).kind, 'Kept');
});

test('nothing new is given on a node that is not heard', t => {
  t.is(decide({workspace: more, candidates: () => [{...candidate, facts: undefined}]}).kind, 'Kept');
});

test('the port of a service that is gone is held until the node has closed it', t => {
  t.is(decide({workspace: fewer}).kind, 'Kept');
  const closed = healthyInstance({forwards: healthyInstance().forwards.filter(({name}) => name !== 'web')});
  const placement = decide({workspace: fewer, sight: present(closed)});
  t.deepEqual(placement.kind === 'Changed' && placement.ports.map(({name}) => name), ['ssh', 'db']);
});

test('it is held while the node is silent, too', t => {
  t.is(decide({workspace: fewer, sight: {kind: 'Quiet', expiresAt: 0}}).kind, 'Kept');
});

test('it is released at once when nothing listens', t => {
  t.is(decide({workspace: fewer, sight: {kind: 'Absent', nodeTime: 0}}).kind, 'Changed');
});

test('ports are kept while it is not known what the services are', t => {
  const desired = {
    ...desiredFor(),
    configuration: {state: 'Pending'} as const,
    ports: desiredFor().ports.slice(0, 1),
  };
  t.is(decide({desired, candidates: never}).kind, 'Kept');
});

const forwards = (changes: Partial<Instance['forwards'][number]>) =>
  healthyInstance().forwards.map(forward => (forward.name === 'web' ? {...forward, ...changes} : forward));

test('a port that another program holds is exchanged', t => {
  const sight = present(healthyInstance({forwards: forwards({state: 'Failed', inUse: true})}));
  const placement = decide({sight});
  t.deepEqual(placement.kind === 'Changed' && placement.ports.map(({name, nodePort}) => [name, nodePort]), [
    ['ssh', 2222],
    ['web', 23002],
    ['db', 23001],
  ]);
});

test('a port that could not be opened for another reason is not', t => {
  const sight = present(healthyInstance({forwards: forwards({state: 'Failed', message: 'EACCES'})}));
  t.is(decide({sight}).kind, 'Kept');
});

test('with a port that is exchanged the address for ssh changes in the same write', t => {
  const ssh = {host: '127.0.0.1', port: 2222, username: 'dev', hostKey: 'ssh-ed25519 AAAA'};
  const moved = [{name: 'ssh', nodePort: 2223, targetPort: 22}];
  const before = {phase: 'Running', node: 'one', ports, ssh} as const;
  t.deepEqual(withPlace({...before, ports: [...before.ports]}, {node: 'one', ports: moved, reserved}), {
    phase: 'Running',
    node: 'one',
    ports: moved,
    reserved,
    ssh: {...ssh, port: 2223},
  });
});

test('what was placed for the first time is being created', t => {
  t.deepEqual(withPlace({}, {node: 'one', ports: [], reserved}), {
    phase: 'Creating',
    node: 'one',
    ports: [],
    reserved,
  });
});

const asksFor = (memory: string, running = true) =>
  workspaceOf({running, resources: {memory: '8GiB', requests: {memory}}});
const full = [{...candidate, reserved: {cpus: 0, memory: 14 * 2 ** 30, disk: 0}}];
const stopped = present(healthyInstance({state: 'Stopped'}));

test('a workspace that is stopped keeps its disk, and what else was set aside for it is released once it is down', t => {
  const workspace = asksFor('2GiB', false);
  const status = {node: 'one', ports, reserved: {...reserved, memory: 2 ** 31}};
  t.is(decide({workspace, status, candidates: never}).kind, 'Kept');
  t.like(decide({workspace, status, sight: stopped, candidates: never}), {
    kind: 'Changed',
    reserved: {cpus: 0, memory: 0, disk: reserved.disk},
  });
  t.is(decide({workspace, status, sight: {kind: 'Quiet', expiresAt: 0}, candidates: never}).kind, 'Kept');
});

test('it is started again when there is room, and waits where it is when there is none', t => {
  const workspace = asksFor('2GiB');
  const status = {node: 'one', ports, reserved: {cpus: 0, memory: 0, disk: reserved.disk}};
  t.like(decide({workspace, status, sight: stopped}), {kind: 'Changed', reserved: {memory: 2 ** 31}});
  const cramped = decide({workspace, status, sight: stopped, candidates: () => full});
  t.regex(cramped.kind === 'Cramped' ? cramped.message : '', /^one: it has 1 GiB of memory left/);
});

test('what was set aside before it was written down is what it asks for', t => {
  t.is(decide({workspace: asksFor('2GiB'), candidates: never}).kind, 'Kept');
});

const sshTaken = () => new Set(Array.from({length: 78}, (_, index) => 2222 + index));
const crowded = {...candidate, takenPorts: sshTaken};

test('without an ssh port it waits; with a gateway it is placed all the same, its services with ports of their own', t => {
  const options = {status: {}, sight: {kind: 'Unplaced'}, candidates: () => [crowded]} as const;
  t.like(decide(options), {kind: 'Unplaced', reason: 'PortsExhausted'});
  t.deepEqual(decide({...options, gateway: true}), {
    kind: 'Changed',
    node: 'one',
    ports: ports.filter(({name}) => name !== 'ssh'),
    reserved,
  });
});

test('with a gateway a node that has an ssh port left still comes first', t => {
  const busier = {
    ...candidate,
    node: nodeOf('two'),
    workspaces: 9,
    used: {cpus: 9, memory: 2 ** 33, disk: 0},
  };
  const options = {status: {}, sight: {kind: 'Unplaced'}, candidates: () => [crowded, busier]} as const;
  t.like(decide({...options, gateway: true}), {kind: 'Changed', node: 'two'});
});

test('a gateway does not replace ports of services', t => {
  const takenPorts = () => new Set(Array.from({length: 1000}, (_, index) => 23_000 + index));
  const options = {
    status: {},
    sight: {kind: 'Unplaced'},
    candidates: () => [{...candidate, takenPorts}],
  } as const;
  t.like(decide({...options, gateway: true}), {kind: 'Unplaced', reason: 'PortsExhausted'});
});

test('an ssh port that was lost to another program is not told any more where a gateway leads in', t => {
  const gateway = {port: 2200};
  const ssh = {host: '127.0.0.1', port: 2222, username: 'dev'};
  const place = {node: 'one', ports: [], reserved};
  const before = {node: 'one', ports, phase: 'Running'} as const;
  t.deepEqual(withPlace({...before, ports: [...ports], ssh: {...ssh, gateway}}, place).ssh, {
    username: 'dev',
    gateway,
  });
  t.deepEqual(withPlace({...before, ports: [...ports], ssh}, place).ssh, ssh);
});
