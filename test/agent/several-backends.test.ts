import {randomUUID} from 'node:crypto';
import test from 'ava';
import {spec, startHarness, uid} from './agent-harness.ts';

test('each backend is told with what it has', async t => {
  const h = await startHarness({several: true});
  const {connection, heartbeats} = await h.connect();
  await h.clock.advance(5000);
  const providers = heartbeats.at(-1)?.providers ?? [];
  t.deepEqual(
    providers.map(({name, ready}) => [name, ready]),
    [
      ['lxc', true],
      ['docker', true],
    ],
  );
  t.true(providers.every(({capacity}) => (capacity?.disk ?? 0) > 0));
  for (const provider of ['lxc', 'docker'] as const) {
    await connection.request('instance/create', spec({uid: randomUUID(), provider}));
  }

  await h.clock.advance(1000);
  const {instances} = await connection.request('instance/list', {});
  t.deepEqual(new Set(instances.map(({provider}) => provider)), new Set(['lxc', 'docker']));
});

test('one that fails from the beginning does not keep the other from being listed, and is not ready before it was', async t => {
  const h = await startHarness({several: true});
  h.other.backend.down = true;
  await h.restart();
  const {connection, heartbeats} = await h.connect();
  await h.clock.advance(1000);
  t.deepEqual((await connection.request('instance/list', {})).instances, []);
  await connection.request('instance/create', spec());
  await h.clock.advance(5000);
  t.deepEqual(
    heartbeats.at(-1)?.providers.map(({ready}) => ready),
    [true, false],
  );

  h.other.backend.down = false;
  await h.clock.advance(30_000);
  t.deepEqual(
    heartbeats.at(-1)?.providers.map(({ready}) => ready),
    [true, true],
  );
});

test('what is deleted by a uid that nobody knows is looked for on all backends, one that fails notwithstanding', async t => {
  const h = await startHarness({several: true});
  await h.other.create({spec: spec({provider: 'docker'}), hostKey: {privateKey: 'a', publicKey: 'b c'}});
  h.driver.backend.down = true;
  const {connection} = await h.connect();
  await connection.request('instance/delete', {uid, mode: 'always', retention: 0});
  await h.clock.advance(1000);
  t.is(await h.other.observeOne(uid), undefined);
  await t.throwsAsync(
    connection.request('instance/delete', {uid: randomUUID(), mode: 'always', retention: 0}),
    undefined,
    'the one that is down may have it',
  );
});
