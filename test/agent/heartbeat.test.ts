import test from 'ava';
import {spec, startHarness, uid} from './agent-harness.ts';

test('a heartbeat counts what its own connection was told of instances', async t => {
  const h = await startHarness();
  const early = await h.connect();
  await early.connection.request('instance/create', spec());
  await h.clock.settle();
  const late = await h.connect({role: 'reader'});
  await early.connection.request('instance/start', {uid});
  await h.clock.advance(5000);
  t.true(late.told.length > 0);
  t.true(early.told.length > late.told.length);
  t.is(early.heartbeats.at(-1)?.changes, early.told.length);
  t.is(late.heartbeats.at(-1)?.changes, late.told.length);
});

test('each report of an instance has a larger revision than those before, also once it is gone and made again', async t => {
  const h = await startHarness();
  const peer = await h.connect();
  for (let round = 0; round < 2; round++) {
    await peer.connection.request('instance/create', spec());
    await h.clock.settle();
    await peer.connection.request('instance/delete', {uid, mode: 'always', retention: 0});
    await h.clock.settle();
  }

  const revisions = peer.told.map(({revision}) => revision ?? 0);
  t.true(revisions.length > 4);
  t.deepEqual(
    revisions,
    [...new Set(revisions)].toSorted((one, other) => one - other),
  );
});
