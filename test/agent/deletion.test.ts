import test from 'ava';
import type {Harness} from './agent-harness.ts';
import {spec, startHarness, uid} from './agent-harness.ts';

type Situation = {
  name: string;
  prepare: (h: Harness, stop: () => Promise<void>) => Promise<void>;
  mode?: 'ifSaved' | 'always';
  kept: boolean;
};

const situations: Situation[] = [
  {name: 'that runs and holds nothing unsaved', prepare: async () => {}, kept: false},
  {
    name: 'that runs and holds unsaved work',
    async prepare(h) {
      h.inside.inspection = async () => ({unsaved: true});
    },
    kept: true,
  },
  {
    name: 'that can not be looked into',
    async prepare(h) {
      h.inside.inspection = () => Promise.reject(new Error('no git'));
    },
    kept: true,
  },
  {
    name: 'that takes too long to look into',
    async prepare(h) {
      h.inside.inspection = signal =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
    kept: true,
  },
  {name: 'that was looked into and stopped', prepare: (_, stop) => stop(), kept: false},
  {
    name: 'that was stopped with unsaved work',
    async prepare(h, stop) {
      h.inside.inspection = async () => ({unsaved: true});
      await stop();
    },
    kept: true,
  },
  {
    name: 'that was stopped by hand',
    async prepare(h) {
      await h.driver.byHand.stop(`nexus-${uid}`);
    },
    kept: true,
  },
  {
    name: 'that was stopped, then run again by hand',
    async prepare(h, stop) {
      await stop();
      await h.driver.byHand.start(`nexus-${uid}`);
      await h.clock.advance(1000);
      await h.driver.byHand.stop(`nexus-${uid}`);
    },
    kept: true,
  },
  {
    name: 'that was stopped before the agent was restarted',
    async prepare(h, stop) {
      await stop();
      await h.restart();
    },
    kept: true,
  },
  {
    name: 'that was stopped by hand and of which all records are lost',
    async prepare(h) {
      await h.driver.byHand.stop(`nexus-${uid}`);
      await h.restart({withoutRecords: true});
    },
    kept: true,
  },
  {
    name: 'with unsaved work, by force',
    async prepare(h) {
      h.inside.inspection = async () => ({unsaved: true});
    },
    mode: 'always',
    kept: false,
  },
];

for (const {name, prepare, mode = 'ifSaved', kept} of situations) {
  test(`deleting an instance ${name} ${kept ? 'keeps' : 'destroys'} it`, async t => {
    const h = await startHarness();
    const first = await h.connect();
    await first.connection.request('instance/create', spec());
    await h.clock.settle();
    await first.connection.request('instance/start', {uid});
    await h.clock.advance(1000);
    await prepare(h, async () => {
      await first.connection.request('instance/stop', {uid, force: false, timeout: 1000});
      await h.clock.advance(1000);
    });
    await h.clock.settle();

    const {connection, told} = await h.connect();
    await connection.request('instance/forwards', {
      uid,
      forwards: [{name: 'ssh', nodePort: 2222, targetPort: 22}],
    });
    await connection.request('instance/delete', {uid, mode, retention: 5000});
    await h.clock.advance(30_000);
    t.is(h.driver.backend.instances.size, kept ? 1 : 0);
    t.is(h.openPorts.size, 0);
    const last = told.at(-1);
    t.is(last?.operation, undefined);
    if (kept) {
      t.is(last?.state, 'Stopped');
      t.is(Date.parse(last?.retired?.until ?? '') - Date.parse(last?.retired?.at ?? ''), 5000);
    } else {
      t.is(last?.state, 'Missing');
    }
  });
}

for (const [name, stopsFirst] of [
  ['an instance that runs', false],
  ['an instance that is stopped', true],
] as const) {
  test(`somebody who goes on working after each look at ${name} loses nothing by its deletion`, async t => {
    const h = await startHarness();
    let work = 0;
    h.inside.inspection = async (_signal, alone) => {
      const seen = work;
      work += alone ? 0 : 1;
      return {unsaved: seen > 0};
    };
    const {connection, last} = await h.connect();
    await connection.request('instance/create', spec());
    await h.clock.settle();
    await connection.request('instance/start', {uid});
    await h.clock.advance(1000);
    if (stopsFirst) {
      await connection.request('instance/stop', {uid, force: false, timeout: 1000});
      await h.clock.advance(1000);
      t.is(last()?.state, 'Stopped');
    }
    await connection.request('instance/delete', {uid, mode: 'ifSaved', retention: 5000});
    await h.clock.settle();
    t.is(last()?.retired !== undefined, work > 0);
  });
}

test('whoever is to leave an instance and does not makes it one that is kept', async t => {
  const h = await startHarness();
  h.inside.inspection = async (_signal, alone) => {
    if (alone) {
      throw new Error('some of what runs in it can not be ended');
    }
    return {unsaved: false};
  };
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(1000);
  await connection.request('instance/delete', {uid, mode: 'ifSaved', retention: 5000});
  await h.clock.settle();
  t.truthy(last()?.retired);
});

test('an instance that never ran is destroyed without a look', async t => {
  const h = await startHarness();
  h.inside.inspection = () => Promise.reject(new Error('not to be asked'));
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/delete', {uid, mode: 'ifSaved', retention: 5000});
  await h.clock.settle();
  t.is(last()?.state, 'Missing');
});

test('what is kept can not be started until it is restored, and is then an ordinary instance', async t => {
  const h = await startHarness();
  h.inside.inspection = async () => ({unsaved: true});
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(100);
  await connection.request('instance/delete', {uid, mode: 'ifSaved', retention: 5000});
  await h.clock.settle();
  await t.throwsAsync(connection.request('instance/start', {uid}), {code: 'NotPermittedNow'});
  t.truthy((await connection.request('instance/delete', {uid, mode: 'ifSaved', retention: 9000})).retired);
  t.is((await connection.request('instance/restore', {uid})).retired, undefined);
  await connection.request('instance/start', {uid});
  await h.clock.advance(100);
  t.is(last()?.state, 'Running');
});

test('a deletion of a server that was fenced off in the meantime destroys nothing', async t => {
  const h = await startHarness();
  const looking = Promise.withResolvers<void>();
  h.inside.inspection = async () => {
    await looking.promise;
    return {unsaved: false};
  };
  const earlier = await h.connect({epoch: 1});
  await earlier.connection.request('instance/create', spec());
  await h.clock.settle();
  await earlier.connection.request('instance/start', {uid});
  await h.clock.advance(100);
  await earlier.connection.request('instance/delete', {uid, mode: 'ifSaved', retention: 5000});
  await h.clock.settle();

  const later = await h.connect({epoch: 2});
  looking.resolve();
  await h.clock.settle();
  t.like((await later.connection.request('instance/list', {})).instances[0], {
    state: 'Running',
    operation: undefined,
    lastError: undefined,
  });
  await t.throwsAsync(earlier.connection.request('instance/delete', {uid, mode: 'always', retention: 0}), {
    code: 'Fenced',
  });
});

test('nothing is told of an instance that could not be made once it was asked to be gone', async t => {
  const h = await startHarness();
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec({image: 'nexus/none'}));
  await h.clock.settle();
  t.like(last(), {state: 'Missing', lastError: {operation: 'Create', code: 'ImageNotFound'}});
  const answer = await connection.request('instance/delete', {uid, mode: 'always', retention: 0});
  t.like(answer, {state: 'Missing', lastError: undefined, operation: undefined, forwards: []});
  t.like(last(), {state: 'Missing', lastError: undefined});
});

test('what failed in an instance is forgotten when it is destroyed', async t => {
  const h = await startHarness();
  h.inside.clone = () => Promise.reject(new Error('no such branch'));
  const {connection, last} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(100);
  await connection.request('repository/clone', {uid, repository: {directory: 'app', url: 'https://git'}});
  await h.clock.settle();
  t.is(last()?.lastError?.operation, 'Clone');
  await connection.request('instance/delete', {uid, mode: 'always', retention: 0});
  await h.clock.settle();
  t.like(last(), {state: 'Missing', lastError: undefined});
});

test('nobody knocks at the address of an instance that is gone', async t => {
  const h = await startHarness();
  let knocks = 0;
  Object.defineProperty(h.inside, 'sshd', {
    get() {
      knocks += 1;
      return false;
    },
  });
  const {connection} = await h.connect();
  await connection.request('instance/create', spec());
  await h.clock.settle();
  await connection.request('instance/start', {uid});
  await h.clock.advance(100);
  t.true(knocks > 0);
  // Events may get lost: then nothing but the deletion itself tells that it is gone.
  h.driver.backend.tell = () => {};
  await connection.request('instance/delete', {uid, mode: 'always', retention: 0});
  await h.clock.settle();
  const before = knocks;
  await h.clock.advance(30_000);
  t.is(knocks, before);
});
