import test from 'ava';
import {createWorld} from './world.ts';

test('a workspace is created, becomes Ready and is deleted', async t => {
  await using world = await createWorld();
  await world.create();
  await world.pass(1000);
  t.deepEqual(world.methods(), [
    'instance/create',
    'instance/forwards',
    'instance/start',
    'repository/clone',
    'setup/run',
    'services/apply',
  ]);
  const {status} = await world.get();
  t.is(status?.phase, 'Running');
  t.true(await world.isReady());
  t.deepEqual(status?.ssh, {host: '192.0.2.1', port: 2222, username: 'dev', hostKey: 'ssh-ed25519 AAAAhost'});
  t.like(status?.services?.[1], {
    name: 'web',
    port: 3000,
    localPort: 23000,
    status: 'Healthy',
    health: 'Healthy',
    url: 'http://192.0.2.1:23000',
  });
  t.is(status?.repo?.commit, 'a'.repeat(40));
  await world.storage.delete('Workspace', 'shop');
  await world.pass(200);
  await t.throwsAsync(world.get(), {code: 'NotFound'});
  t.is(world.node.instances.size, 0);
});
