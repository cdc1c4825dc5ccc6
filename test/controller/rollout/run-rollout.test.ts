import type {ExecutionContext} from 'ava';
import test from 'ava';
import {timestampAt} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {createEventRecorder} from '../../../api/storage/event-recorder.ts';
import {openSqliteStorage} from '../../../api/storage/sqlite/sqlite-storage.ts';
import {findCondition} from '../../../api/v1alpha1/condition.ts';
import type {NodeView} from '../../../controller/agent-client/agents.ts';
import {createInformer} from '../../../controller/informer/informer.ts';
import {runRollout} from '../../../controller/rollout/run-rollout.ts';
import {workspaceIndexes} from '../../../controller/workspace/watches.ts';
import {fixedRandom} from '../../fakes/fixed-random.ts';
import {nodeFactsAt} from '../../fakes/instances.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';
import {localNode} from '../../fakes/nodes.ts';

const minute = 60_000;

/** Nodes whose agents are a word each, the rollout on a real store. */
async function setUp(t: ExecutionContext, names: readonly string[]) {
  const clock = createManualClock();
  const random = fixedRandom();
  const effects = {clock, random, log: silentLogger};
  const storage = await openSqliteStorage({path: ':memory:', clock, random});
  const runs = new Map(names.map(name => [name, 'old']));
  /** What was done, in order, and how many were done at once at most. */
  const done: string[] = [];
  /** What starts on a node in place of the new version; undefined: nothing comes up. */
  const broken = new Map<string, string | undefined>();
  const away = new Set<string>();
  const listeners = new Set<(change: {node: string}) => void>();
  const change = (node: string) => {
    for (const listener of [...listeners]) {
      listener({node});
    }
  };
  const view = (name: string): NodeView => {
    const id = runs.get(name);
    return {
      connected: id !== undefined && !away.has(name),
      providers: new Map(),
      facts: nodeFactsAt(timestampAt(clock.now()), {
        ...(id === undefined || id === 'old' ? {} : {package: {id, platform: 'linux-x64'}}),
      }),
      synced: true,
      instances: new Map(),
    };
  };
  const stopping = new AbortController();
  const nodes = createInformer({...effects, storage, kind: 'Node', indexes: {}});
  const workspaces = createInformer({...effects, storage, kind: 'Workspace', indexes: workspaceIndexes});
  for (const name of names) {
    const {apiVersion, kind, spec} = localNode(name);
    await storage.create('Node', {apiVersion, kind, metadata: {name}, spec});
  }
  const following = [nodes.run(stopping.signal), workspaces.run(stopping.signal)];
  await clock.settle();
  const start = () =>
    runRollout(
      {
        storage,
        nodes,
        workspaces,
        agents: {
          view,
          onChange(listener) {
            listeners.add(listener);
            return {[Symbol.dispose]: () => void listeners.delete(listener)};
          },
        },
        upgrader: {
          wanted: async () => 'new',
          async upgrade({metadata: {name}}) {
            done.push(`upgrade ${name}`);
            runs.delete(name);
            const next = broken.has(name) ? broken.get(name) : 'new';
            if (next !== undefined) {
              runs.set(name, next);
            }
            change(name);
            return 'new';
          },
          async rollBack({metadata: {name}}) {
            done.push(`roll back ${name}`);
            runs.set(name, 'kept');
            change(name);
            return 'kept';
          },
        },
        recorder: createEventRecorder({...effects, storage, component: 'test'}),
        clock,
        log: silentLogger,
      },
      stopping.signal,
    );
  const running: Promise<unknown>[] = [];
  t.teardown(async () => {
    stopping.abort();
    await clock.settle();
    await Promise.all([...running, ...following]);
    await storage[Symbol.asyncDispose]();
  });
  const conditionOf = async (name: string) =>
    findCondition((await storage.get('Node', name)).status?.conditions, 'AgentUpToDate');
  return {
    clock,
    storage,
    runs,
    done,
    broken,
    away,
    change,
    conditionOf,
    run: () => void running.push(start()),
    events: async () => (await storage.list('Event')).items.map(({spec}) => spec.reason).toSorted(),
  };
}

test('agents are brought up to date one after the other, the first for longer before others follow', async t => {
  const {clock, run, done, conditionOf, events} = await setUp(t, ['a', 'b', 'c']);
  run();
  await clock.advance(20_000);
  t.deepEqual(done, ['upgrade a']);
  t.is((await conditionOf('a'))?.reason, 'Upgrading');
  t.is((await conditionOf('b'))?.reason, 'UpgradePending');
  await clock.advance(5 * minute);
  t.deepEqual(done, ['upgrade a', 'upgrade b', 'upgrade c']);
  for (const name of ['a', 'b', 'c']) {
    t.like(await conditionOf(name), {status: 'True', reason: 'UpToDate'}, name);
  }
  t.deepEqual(await events(), ['AgentUpgraded', 'AgentUpgraded', 'AgentUpgraded']);
  await clock.advance(30 * minute);
  t.is(done.length, 3);
});

test('a canary that does not come up goes back to what it was, and nobody follows, until somebody asks', async t => {
  const {clock, run, done, broken, runs, storage, conditionOf, events} = await setUp(t, ['a', 'b']);
  broken.set('a', undefined);
  run();
  await clock.advance(30 * minute);
  t.deepEqual(done, ['upgrade a', 'roll back a']);
  t.is(runs.get('a'), 'kept');
  t.like(await conditionOf('a'), {status: 'False', reason: 'UpgradeFailed'});
  t.regex(
    (await conditionOf('a'))?.message ?? '',
    /could not be upgraded to new: it did not come up within 60 s\. It runs kept again\. Try again with: nexus node upgrade a/,
  );
  t.is((await conditionOf('b'))?.reason, 'RolloutStopped');
  t.deepEqual(await events(), ['AgentUpgradeFailed']);

  broken.clear();
  const node = await storage.get('Node', 'a');
  await storage.update('Node', {
    ...node,
    metadata: {...node.metadata, annotations: {'nexus.dev/upgrade-at': timestampAt(clock.now())}},
  });
  await clock.advance(5 * minute);
  t.deepEqual(done, ['upgrade a', 'roll back a', 'upgrade a', 'upgrade b']);
  t.is((await conditionOf('a'))?.reason, 'UpToDate');
  t.is((await storage.get('Node', 'a')).status?.failedUpgrade, undefined);
});

test('one that comes up as something else than it was to become counts as failed', async t => {
  const {clock, run, done, broken, conditionOf} = await setUp(t, ['a']);
  broken.set('a', 'something');
  run();
  await clock.advance(10 * minute);
  t.deepEqual(done, ['upgrade a', 'roll back a']);
  t.is((await conditionOf('a'))?.reason, 'UpgradeFailed');
});

test('a node that is away is upgraded when it is back', async t => {
  const {clock, run, done, away, change} = await setUp(t, ['a']);
  away.add('a');
  run();
  await clock.advance(10 * minute);
  t.deepEqual(done, []);
  away.delete('a');
  change('a');
  await clock.advance(2000);
  t.deepEqual(done, ['upgrade a']);
});

test('what a server that ended left half done, and does not come up, goes back', async t => {
  const {clock, run, done, runs, broken, storage} = await setUp(t, ['a']);
  const node = await storage.get('Node', 'a');
  const since = timestampAt(clock.now());
  await storage.updateStatus('Node', {
    ...node,
    status: {
      conditions: [
        {type: 'AgentUpToDate', status: 'False', reason: 'Upgrading', message: '', lastTransitionTime: since},
      ],
    },
  });
  await clock.settle();
  runs.delete('a');
  broken.set('a', undefined);
  run();
  await clock.advance(65_000);
  t.is(done[0], 'roll back a');
  await clock.advance(10 * minute);
  t.deepEqual(done, ['roll back a', 'upgrade a', 'roll back a']);
});
