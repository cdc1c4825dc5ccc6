import assert from 'node:assert/strict';
import test from 'ava';
import {systemClock} from '../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import {createEventRecorder} from '../../../../api/storage/event-recorder.ts';
import type {LeaseTimes} from '../../../../api/storage/kubernetes/elector.ts';
import type {KubernetesStorage} from '../../../../api/storage/kubernetes/kubernetes-storage.ts';
import {openKubernetesStorage} from '../../../../api/storage/kubernetes/kubernetes-storage.ts';
import {mover} from '../../../../api/storage/kubernetes/server-lease.ts';
import type {Term} from '../../../../api/storage/term.ts';
import {aUser, aWorkspace, withMetadata} from '../../../contracts/storage/samples.ts';
import {eventually} from '../../../e2e/eventually.ts';
import {aborted} from './aborted.ts';
import {findCluster, needsCluster} from './cluster.ts';

/** What only the store on Kubernetes has: other writers, uids that are not its own, a past that it keeps itself. */
const cluster = await findCluster();
if (cluster === undefined) {
  needsCluster('kubernetes');
} else {
  test.after.always(() => cluster[Symbol.asyncDispose]());
  const {kubeconfig, kubectl} = cluster;
  const open = async (name: string, options: object = {}) => {
    const namespace = `nexus-test-only-${process.pid}-${name}`;
    await kubectl(['create', 'namespace', namespace]).catch(() => undefined);
    const effects = {clock: systemClock, random: systemRandom};
    const storage = await openKubernetesStorage({kubeconfig, namespace, ...effects, ...options});
    const on = (args: readonly string[], input?: string) => kubectl(['-n', namespace, ...args], input);
    return {storage, on, [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose]()};
  };

  test.serial(
    'a given uid stays with the object, and does not go to a copy of it under another name',
    async t => {
      await using it = await open('uid');
      const uid = systemRandom.uuid();
      const created = await it.storage.create('Workspace', aWorkspace('a', {metadata: {uid}}));
      await it.storage.update('Workspace', withMetadata(created, {labels: {tier: 'web'}}));
      t.is((await it.storage.get('Workspace', 'a')).metadata.uid, uid);
      t.is((await it.storage.get('Workspace', 'a')).metadata.annotations, undefined);
      const copy = JSON.parse(await it.on(['get', 'ws', 'a', '-o', 'json']));
      const {annotations} = copy.metadata;
      t.deepEqual(Object.values(annotations), [`a/${uid}`]);
      const manifest = {...copy, metadata: {name: 'b', annotations}, status: undefined};
      await it.on(['apply', '-f', '-'], JSON.stringify(manifest));
      t.not((await it.storage.get('Workspace', 'b')).metadata.uid, uid);
      await t.throwsAsync(it.storage.create('Workspace', aWorkspace('c', {metadata: {uid}})), {
        code: 'AlreadyExists',
      });
    },
  );

  test.serial(
    'what the store notes on objects is taken from nobody, and a status by hand only if it is one',
    async t => {
      await using it = await open('forged');
      const victim = await it.storage.create('Workspace', aWorkspace('victim'));
      const annotations = {
        'nexus.dev/identity': `forged/${victim.metadata.uid}`,
        'nexus.dev/initial-status': '{"phase":"Running"}',
      };
      const forged = await it.storage.create('Workspace', aWorkspace('forged', {metadata: {annotations}}));
      t.not(forged.metadata.uid, victim.metadata.uid);
      await it.storage.update('Workspace', withMetadata(forged, {annotations}));
      const after = await it.storage.get('Workspace', 'forged');
      t.is(after.metadata.uid, forged.metadata.uid);
      t.is(after.status, undefined);

      await it.on(['annotate', 'ws', 'forged', 'nexus.dev/initial-status={"conditions":"none"}']);
      t.is((await it.storage.get('Workspace', 'forged')).status, undefined);
      t.is((await it.storage.list('Workspace')).items.length, 2);
    },
  );

  test.serial('what is gone can be made again by a server that was not there', async t => {
    await using first = await open('past');
    const finalizers = ['nexus.dev/instance'];
    const created = await first.storage.create('Workspace', aWorkspace('a', {metadata: {finalizers}}));
    const marked = await first.storage.delete('Workspace', 'a');
    await first.storage.update('Workspace', withMetadata(marked, {finalizers: []}));
    await first.storage.create('User', aUser('ada'));
    await first.storage.delete('User', 'ada');

    await using second = await open('past');
    const last = (await second.storage.history('Workspace', 'a')).at(-1);
    t.is(last?.type, 'DELETED');
    t.is(last?.object.metadata.uid, created.metadata.uid);
    t.deepEqual(last?.object.spec, created.spec);
    t.is((await second.storage.history('User', 'ada')).at(-1)?.type, 'DELETED');

    const {uid} = created.metadata;
    await second.storage.create('Workspace', aWorkspace('a', {metadata: {uid}}));
    t.is((await second.storage.history('Workspace', 'a')).at(-1)?.type, 'ADDED');
    t.is((await first.storage.history('Workspace', 'a')).at(-1)?.object.metadata.uid, uid);
  });

  test.serial('a status that is given at creation is there from the first moment', async t => {
    await using it = await open('status');
    const abort = new AbortController();
    const watch = it.storage.watch('Workspace', {signal: abort.signal})[Symbol.asyncIterator]();
    const status = {
      phase: 'Running',
      node: 'n',
      ports: [{name: 'ssh', nodePort: 2222, targetPort: 22}],
    } as const;
    const first = watch.next();
    await it.storage.create('Workspace', aWorkspace('a', {status: {...status, ports: [...status.ports]}}));
    const {value} = await first;
    t.is(value?.type, 'ADDED');
    t.like(value?.type === 'ADDED' ? value.object.status : undefined, {phase: 'Running', node: 'n'});
    t.is(await it.on(['get', 'ws', 'a', '-o', 'jsonpath={.status.phase}']), 'Running');
    abort.abort();
  });

  test.serial('old events and what has been gone for long are removed, and the rest stays', async t => {
    const zero = {normalEvents: 0, warningEvents: 3_600_000, deleted: 0};
    await using it = await open('expiry', {retention: zero});
    const recorder = createEventRecorder({
      storage: it.storage,
      clock: systemClock,
      component: 'test',
    });
    const regarding = {kind: 'Workspace', name: 'a'};
    for (const type of ['Normal', 'Warning'] as const) {
      await recorder.record({regarding, type, reason: type, message: 'x'});
      await recorder.record({regarding, type, reason: type, message: 'x'});
    }

    const {items} = await it.storage.list('Event');
    t.deepEqual(
      items.map(({spec}) => spec.count),
      [2, 2],
    );
    await it.storage.create('User', aUser('ada'));
    await it.storage.delete('User', 'ada');
    await it.storage.maintain();
    const left = await it.storage.list('Event');
    t.deepEqual(
      left.items.map(({spec}) => spec.type),
      ['Warning'],
    );
    t.is(await it.on(['get', 'tombstones', '-o', 'name']), '');
  });

  test.serial('what is missing is said, and what to do', async t => {
    await t.throwsAsync(open('context', {context: 'nowhere'}), {
      message: /no context "nowhere".*there are: /,
    });
    await t.throwsAsync(open('file', {kubeconfig: '/nowhere/config'}), {
      message: /\/nowhere\/config can't be read/,
    });
    await t.throwsAsync(open('namespace', {namespace: 'Not_A_Label'}), {
      message: /not the name of a namespace/,
    });
  });

  test.serial(
    'who locks the store keeps servers from it, and waits for one that was killed, not for one that lives',
    async t => {
      await using it = await open('lock');
      const times = {duration: 4000, renewal: 800};
      const first = await it.storage.lock('first', times);
      await t.throwsAsync(it.storage.lock('second', times), {message: /is in use by first/});
      await first[Symbol.asyncDispose]();
      const third = await it.storage.lock('third', times);
      const theft = '{"spec":{"holderIdentity":"thief"}}';
      await it.on(['patch', 'lease', 'nexus-server', '--type=merge', '-p', theft]);
      await t.throwsAsync(third.lost, {message: /another server \(thief\) took over/});
      await third[Symbol.asyncDispose]();
      // The thief never renews it.
      await using fourth = await it.storage.lock(`${mover}box`, times);
      await t.notThrowsAsync(Promise.race([fourth.lost, systemClock.sleep(1)]));
      await t.throwsAsync(it.storage.checkNotMoving(), {message: /is being moved by nexus store on box/});
    },
  );

  test.serial('a server that does not lead ends when it sees that the store is being moved', async t => {
    await using it = await open('moving');
    const times = {duration: 6000, deadline: 4000, retry: 500};
    const leader = candidate(it.storage, 'leader', times);
    await leader.term();
    const follower = candidate(it.storage, 'follower', times);
    await eventually(async () => assert.equal(follower.elector.standing().leader, 'leader'));
    const theft = JSON.stringify({spec: {holderIdentity: `${mover}box`}});
    await it.on(['patch', 'lease', 'nexus-server', '--type=merge', '-p', theft]);
    await t.throwsAsync(follower.running, {message: /is being moved by nexus store on box/});
    await t.throwsAsync(leader.running, {message: /is being moved by nexus store on box/});
  });

  test.serial('a store is of the installation that has claimed it first', async t => {
    await using it = await open('claim');
    t.is(await it.storage.claimInstallation('abc123'), 'abc123');
    const epoch = await it.storage.beginEpoch();
    t.is(await it.storage.claimInstallation('def456'), 'abc123');
    t.true((await it.storage.beginEpoch()) > epoch);
  });

  test.serial(
    'one leads at a time: until it gives the lease back, or it is taken away, or it is no longer renewed',
    async t => {
      await using it = await open('lease');
      const times = {duration: 6000, deadline: 4000, retry: 500};
      const holder = () => it.on(['get', 'lease', 'nexus-server', '-o', 'jsonpath={.spec.holderIdentity}']);
      const first = candidate(it.storage, 'first', times);
      const {epoch} = await first.term();
      const second = candidate(it.storage, 'second', times);
      await eventually(async () => assert.equal(second.elector.standing().leader, 'first'));
      const lease = async () => JSON.parse(await it.on(['get', 'lease', 'nexus-server', '-o', 'json'])).spec;
      const {leaseTransitions} = await lease();
      await first.stop();
      const next = await second.term();
      t.true(next.epoch > epoch);
      t.like(await lease(), {
        holderIdentity: 'second',
        leaseDurationSeconds: 6,
        leaseTransitions: leaseTransitions + 1,
      });

      const theft = '{"spec":{"holderIdentity":"thief"}}';
      await it.on(['patch', 'lease', 'nexus-server', '--type=merge', '-p', theft]);
      await eventually(async () => assert.throws(next.check, /another leads: thief/));
      // The thief never renews it.
      await eventually(async () => assert.equal(await holder(), 'second'));
      t.true((await second.term()).epoch > next.epoch);
      await second.stop();
      t.is(await holder(), '');
    },
  );
}

/** One that competes, and does nothing with it. */
function candidate(storage: KubernetesStorage, identity: string, times: LeaseTimes) {
  const stopping = new AbortController();
  let term = Promise.withResolvers<Term>();
  const elector = storage.elector({
    identity,
    times,
    async lead(given, until) {
      term.resolve(given);
      await aborted(AbortSignal.any([given.signal, until]));
      term = Promise.withResolvers();
    },
  });
  const running = elector.run(stopping.signal);
  running.catch(() => undefined);
  return {
    elector,
    running,
    /** The one that is, or the next. */
    term: () => term.promise,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
