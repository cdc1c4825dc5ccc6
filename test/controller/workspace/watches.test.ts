import test from 'ava';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import type {CacheChange} from '../../../controller/informer/cache.ts';
import {createCache} from '../../../controller/informer/cache.ts';
import type {WatchOptions} from '../../../controller/workspace/watches.ts';
import {waiting, watchForWorkspaces, workspaceIndexes} from '../../../controller/workspace/watches.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';
import {nodeOf, owner, ports, workspaceOf} from './fixtures.ts';

type Listener<K extends 'Workspace' | 'Node' | 'User'> = (change: CacheChange<K>) => void;

function setUp(...workspaces: Stored<'Workspace'>[]) {
  const cache = createCache<'Workspace', keyof typeof workspaceIndexes>(workspaceIndexes);
  for (const workspace of workspaces) {
    cache.upsert(workspace);
  }

  const listeners: {
    workspace?: Listener<'Workspace'>;
    node?: Listener<'Node'>;
    user?: Listener<'User'>;
    agent?: (change: {node: string; uid?: string}) => void;
  } = {};
  const enqueued: string[] = [];
  const ownWrites = new WeakSet<Stored<'Workspace'>>();
  const clock = createManualClock();
  const ignored = {[Symbol.dispose]() {}};
  const reader = {hasSynced: () => true, observe() {}};
  const options: WatchOptions = {
    workspaces: {
      ...reader,
      get: cache.get,
      list: cache.list,
      byIndex: cache.byIndex,
      onChange(listener) {
        listeners.workspace = listener;
        return ignored;
      },
    },
    nodes: {
      ...reader,
      get: () => undefined,
      list: () => [],
      onChange(listener) {
        listeners.node = listener;
        return ignored;
      },
    },
    users: {
      ...reader,
      get: () => undefined,
      list: () => [],
      onChange(listener) {
        listeners.user = listener;
        return ignored;
      },
    },
    agents: {
      onChange(listener) {
        listeners.agent = listener;
        return ignored;
      },
    },
    copies: {onEnd: () => ignored},
    ownWrites,
    clock,
    enqueue: key => void enqueued.push(key),
  };
  watchForWorkspaces(options);
  return {
    copies: {onEnd: () => ignored},
    ownWrites,
    clock,
    enqueued,
    after(act: (to: typeof listeners) => void): string[] {
      enqueued.length = 0;
      act(listeners);
      return [...enqueued].sort();
    },
  };
}

const meta = (name: string, changes: object = {}) => ({metadata: {name, uid: `uid-${name}`, ...changes}});
const placed = workspaceOf({}, {...meta('placed'), status: {node: 'one', ports}});
const waits = workspaceOf({}, meta('waits'));
const idle = workspaceOf({running: false, owner: 'bob'}, meta('idle'));
const portless = workspaceOf(
  {},
  {
    ...meta('portless'),
    status: {
      node: 'one',
      conditions: [
        {
          type: 'PortsAllocated',
          status: 'False',
          reason: 'PortsExhausted',
          message: '',
          lastTransitionTime: '2026-11-20T09:00:00.000Z',
        },
      ],
    },
  },
);
const all = [placed, waits, idle, portless];
const one = nodeOf('one');
const stored: Stored<'User'> = {
  ...owner,
  metadata: {...placed.metadata, name: 'ada', uid: 'uid-ada', generation: 1},
};

test('those that wait for a node or a port are found', t => {
  const cache = createCache<'Workspace', keyof typeof workspaceIndexes>(workspaceIndexes);
  for (const workspace of [
    ...all,
    workspaceOf({}, meta('gone', {deletionTimestamp: '2026-11-20T09:00:00.000Z'})),
  ]) {
    cache.upsert(workspace);
  }

  t.deepEqual(
    cache
      .byIndex('waiting', waiting)
      .map(({metadata}) => metadata.name)
      .sort(),
    ['portless', 'waits'],
  );
});

test('a new workspace is looked at', t => {
  t.deepEqual(
    setUp(...all).after(to => to.workspace?.({type: 'ADDED', object: placed})),
    ['placed'],
  );
});

test("the controller's own write of status alone is no news", t => {
  const object = {...placed, status: {...placed.status, phase: 'Running' as const}};
  const world = setUp(...all);
  world.ownWrites.add(object);
  t.deepEqual(
    world.after(to => to.workspace?.({type: 'MODIFIED', object, previous: placed})),
    [],
  );
});

test('a write of status by another server, or a person, is put right a little later, once for many', async t => {
  const object = {...placed, status: {...placed.status, phase: 'Unknown' as const}};
  const world = setUp(...all);
  const write = (to: Parameters<Parameters<typeof world.after>[0]>[0]) =>
    to.workspace?.({type: 'MODIFIED', object, previous: placed});
  t.deepEqual(world.after(write), []);
  t.deepEqual(world.after(write), []);
  await world.clock.advance(5000);
  t.deepEqual(world.enqueued, ['placed']);
});

for (const [title, object] of [
  ['spec', {...placed, metadata: {...placed.metadata, generation: 2}}],
  ['annotations', {...placed, metadata: {...placed.metadata, annotations: {'nexus.dev/retry-at': 'x'}}}],
  ['deletion', {...placed, metadata: {...placed.metadata, deletionTimestamp: '2026-11-20T09:00:00.000Z'}}],
  ['identity', {...placed, metadata: {...placed.metadata, uid: 'another'}}],
] as const) {
  test(`a change of ${title} is news to the workspace alone`, t => {
    const names = setUp(...all).after(to => to.workspace?.({type: 'MODIFIED', object, previous: placed}));
    t.deepEqual(names, ['placed']);
  });
}

test('a release of ports wakes those that wait', t => {
  const world = setUp(...all);
  t.deepEqual(
    world.after(to => to.workspace?.({type: 'DELETED', object: placed})),
    ['placed', 'portless', 'waits'],
  );
  const object = {...placed, status: {node: 'one', ports: ports.slice(0, 1)}};
  world.ownWrites.add(object);
  t.deepEqual(
    world.after(to => to.workspace?.({type: 'MODIFIED', object, previous: placed})),
    ['portless', 'waits'],
  );
});

test('a change of a node is news to those on it and to those that wait; its heartbeat is not', t => {
  const world = setUp(...all);
  const affected = ['placed', 'portless', 'portless', 'waits'];
  t.deepEqual(
    world.after(to => to.node?.({type: 'ADDED', object: one})),
    affected,
  );
  t.deepEqual(
    world.after(to => to.node?.({type: 'DELETED', object: one})),
    affected,
  );
  const beat = {...one, status: {heartbeatAt: '2026-11-20T10:00:00.000Z'}};
  t.deepEqual(
    world.after(to => to.node?.({type: 'MODIFIED', object: beat, previous: one})),
    [],
  );
  const labelled = {...one, metadata: {...one.metadata, labels: {gpu: 'yes'}}};
  t.deepEqual(
    world.after(to => to.node?.({type: 'MODIFIED', object: labelled, previous: one})),
    affected,
  );
});

test("a change of a user's keys is news to what they own", t => {
  const world = setUp(...all);
  const object = {...stored, metadata: {...stored.metadata, generation: 2}};
  t.deepEqual(
    world.after(to => to.user?.({type: 'MODIFIED', object, previous: stored})),
    ['placed', 'portless', 'waits'],
  );
  t.deepEqual(
    world.after(to => to.user?.({type: 'MODIFIED', object: stored, previous: stored})),
    [],
  );
});

test('a report of a node is news to the one that it is about, or to all that it may be about', t => {
  const world = setUp(...all);
  t.deepEqual(
    world.after(to => to.agent?.({node: 'one', uid: 'uid-placed'})),
    ['placed'],
  );
  t.deepEqual(
    world.after(to => to.agent?.({node: 'one', uid: 'orphan'})),
    [],
  );
  t.deepEqual(
    world.after(to => to.agent?.({node: 'one'})),
    ['placed', 'portless', 'portless', 'waits'],
  );
});
