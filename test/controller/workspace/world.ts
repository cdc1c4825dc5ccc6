import {Readable} from 'node:stream';
import {silentLogger} from '../../../api/effects/logger.ts';
import type {Random} from '../../../api/effects/random.ts';
import {systemRandom} from '../../../api/effects/random.ts';
import type {BundleStore} from '../../../api/storage/bundle-store.ts';
import {createEventRecorder} from '../../../api/storage/event-recorder.ts';
import {openSqliteStorage} from '../../../api/storage/sqlite/sqlite-storage.ts';
import {StorageError} from '../../../api/storage/storage-error.ts';
import {findCondition} from '../../../api/v1alpha1/condition.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import type {Workspace} from '../../../api/v1alpha1/workspace.ts';
import {createInformer} from '../../../controller/informer/informer.ts';
import {createWorkspaceController} from '../../../controller/workspace/controller.ts';
import {workspaceIndexes} from '../../../controller/workspace/watches.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';
import {nodeOf, owner, workspaceOf} from './fixtures.ts';
import {createModelNode} from './model-node.ts';

/** The workspace controller on a real store and real informers, with one modelled node and time that the test moves. */
export async function createWorld({
  bundles = new Map(),
  gateway,
}: {
  bundles?: Map<string, string>;
  gateway?: {host?: string; port: number};
} = {}) {
  const clock = createManualClock();
  const random: Random = {...systemRandom, fraction: () => 0.5};
  const storage = await openSqliteStorage({path: ':memory:', clock, random});
  const node = createModelNode('one', clock);
  const stop = new AbortController();
  const effects = {storage, clock, random, log: silentLogger};
  await storage.create('Node', nodeOf('one', {address: '192.0.2.1'}));
  await storage.create('User', owner);
  const workspaces = createInformer({...effects, kind: 'Workspace', indexes: workspaceIndexes});
  const nodes = createInformer({...effects, kind: 'Node', indexes: {}});
  const users = createInformer({...effects, kind: 'User', indexes: {}});
  const running = [workspaces, nodes, users].map(informer => informer.run(stop.signal));
  const writes = {status: 0};
  const counted: typeof storage = {
    ...storage,
    async updateStatus(kind, object, options) {
      writes.status += 1;
      await world.beforeWrite?.();
      return storage.updateStatus(kind, object, options);
    },
  };
  const store: Pick<BundleStore, 'open'> = {
    async open(digest) {
      const content = bundles.get(digest);
      if (content === undefined) {
        throw new StorageError('NotFound', `no bundle ${digest}`);
      }

      return {size: content.length, content: Readable.from([Buffer.from(content)])};
    },
  };
  const start = () =>
    createWorkspaceController({
      ...effects,
      storage: counted,
      workspaces,
      nodes,
      users,
      agents: node.agents,
      bundles: store,
      credentials: {forRepository: async () => undefined},
      recorder: createEventRecorder({...effects, component: 'controller'}),
      signal: stop.signal,
      ...(gateway === undefined ? {} : {gateway}),
    });
  let controller = start();
  const queue = new Set<string>();
  const due = new Map<string, number>();
  const watch = controller.watch(key => void queue.add(key));
  let reconciles = 0;

  /** Reconciles until nothing is enqueued. */
  const settle = async () => {
    await clock.settle();
    for (let key = [...queue][0]; key !== undefined; key = [...queue][0]) {
      queue.delete(key);
      due.delete(key);
      reconciles += 1;
      try {
        const pending = controller.reconcile(key, stop.signal);
        const {requeueAfter} = await pending;
        if (requeueAfter !== undefined) {
          due.set(key, clock.now() + requeueAfter);
        }
      } catch (error) {
        if (!(error instanceof StorageError && error.code === 'Conflict')) {
          throw error;
        }

        queue.add(key);
      }

      await clock.settle();
    }
  };

  /** Lets time pass in steps of 50 ms, reconciling whatever becomes due. */
  const pass = async (milliseconds: number) => {
    const end = clock.now() + milliseconds;
    await settle();
    while (clock.now() < end) {
      await clock.advance(Math.min(50, end - clock.now()));
      for (const [key, at] of due) {
        if (at <= clock.now()) {
          due.delete(key);
          queue.add(key);
        }
      }

      await settle();
    }
  };

  const get = (name = 'shop'): Promise<Stored<'Workspace'>> => storage.get('Workspace', name);

  const world = {
    /** Called before each write of a status. */
    beforeWrite: undefined as (() => Promise<void>) | undefined,
    clock,
    storage,
    node,
    writes,
    queue,
    settle,
    pass,
    get,
    reconciles: () => reconciles,
    /** Whether it is to be looked at again though nothing happens. */
    isDue: (key: string) => due.has(key),
    create: (workspace: Workspace = workspaceOf()) => storage.create('Workspace', fresh(workspace)),
    /** Changes spec and metadata as a user does. */
    async edit(change: (workspace: Stored<'Workspace'>) => Workspace, name = 'shop') {
      return storage.update('Workspace', change(structuredClone(await get(name))));
    },
    async condition(type: string, name = 'shop') {
      return findCondition((await get(name)).status?.conditions, type);
    },
    async isReady(name = 'shop') {
      return findCondition((await get(name)).status?.conditions, 'Ready')?.status === 'True';
    },
    async reasons() {
      const {items} = await storage.list('Event');
      return items
        .toSorted(
          (left, right) => Number(left.metadata.resourceVersion) - Number(right.metadata.resourceVersion),
        )
        .map(({spec}) => spec.reason);
    },
    methods: () => node.calls.map(({method}) => method),
    /** Forgets all that is only in memory, as a restart does. */
    restart() {
      controller = start();
      due.clear();
      for (const {metadata} of workspaces.list()) {
        queue.add(metadata.name);
      }
    },
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      stop.abort(new Error('the test is over'));
      await Promise.all(running);
      await storage[Symbol.asyncDispose]();
    },
  };
  return world;
}

function fresh({metadata, ...rest}: Workspace): Workspace {
  const {name, uid, labels, annotations, finalizers} = metadata;
  return {
    ...rest,
    metadata: {
      name,
      ...(uid !== undefined && {uid}),
      ...(labels !== undefined && {labels}),
      ...(annotations !== undefined && {annotations}),
      ...(finalizers !== undefined && {finalizers}),
    },
  };
}
