import assert from 'node:assert/strict';
import test from 'ava';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import {eventually} from './eventually.ts';
import type {Installation} from './installation.ts';
import {createInstallation} from './installation.ts';
import {declare, fetchText, untilGone, untilReady} from './workspaces.ts';

/** What people do to containers behind Nexus's back. One workspace goes through all of it. */
onBackend(backends[0], ({socket, tarball}) => {
  let nexus: Installation;
  let uid: string;
  let name: string;

  test.before(async () => {
    nexus = await createInstallation({socket, tarball});
    await declare(nexus.client(), 'box');
    ({uid} = (await untilReady(nexus, 'box')).metadata);
    name = `nexus-${uid}`;
  });
  test.after.always(async () => {
    await nexus?.[Symbol.asyncDispose]();
  });

  const box = () => nexus.client().get('Workspace', 'box');
  const answer = async () => await fetchText(await box(), 'web');
  const inside = async (...command: readonly string[]) => await nexus.must('exec', 'box', '--', ...command);
  const reasons = async () => (await nexus.client().workspaces.events('box')).map(({spec}) => spec.reason);
  const untilEvent = async (reason: string) =>
    await eventually(async () => assert.ok((await reasons()).includes(reason), `no event ${reason}`));
  /** Exactly one instance of it, under its own name, and its service answers again. */
  const untilHealed = async () => {
    const service = await eventually(answer, {timeout: 90_000});
    await untilReady(nexus, 'box');
    const found = await nexus.backend.find(uid);
    return {service, instances: found.map(instance => `${instance.name} ${instance.status}`)};
  };

  // Fails without the backend's events and the full look: nobody would notice.
  test.serial('a stopped instance is started again, with what is in it', async t => {
    await inside('sh', '-c', 'echo kept > ~/keep.txt');
    await nexus.backend.state(name, 'stop');
    await untilEvent('InstanceStoppedUnexpectedly');
    t.deepEqual((await untilHealed()).instances, [`${name} Running`]);
    t.is(await inside('cat', '/home/dev/keep.txt'), 'kept\n');
  });

  // Fails without the action Unfreeze.
  test.serial('a frozen instance is thawed, its processes the same', async t => {
    const pid = await answer();
    await nexus.backend.state(name, 'freeze');
    await untilEvent('InstanceFrozen');
    const {service, instances} = await untilHealed();
    t.deepEqual(instances, [`${name} Running`]);
    t.is(service, pid);
  });

  // Fails without finding instances by their mark: a second one would be made beside it, and the work be lost from sight.
  test.serial('a renamed instance gets its name back', async t => {
    await nexus.client().workspaces.stop('box');
    await eventually(async () => assert.equal((await box()).status?.phase, 'Stopped'));
    await nexus.backend.call('POST', `/1.0/instances/${name}`, {name: 'somebody-elses-idea'});
    await untilEvent('InstanceRenamed');
    await nexus.client().workspaces.start('box');
    t.deepEqual((await untilHealed()).instances, [`${name} Running`]);
    t.is(await inside('cat', '/home/dev/keep.txt'), 'kept\n');
  });

  test.serial(
    'one that is stopped and renamed at once, while it is to run, is renamed and started',
    async t => {
      await nexus.server().kill();
      await nexus.backend.state(name, 'stop');
      await nexus.backend.call('POST', `/1.0/instances/${name}`, {name: 'somebody-elses-idea'});
      await nexus.startServer();
      t.deepEqual((await untilHealed()).instances, [`${name} Running`]);
      t.is(await inside('cat', '/home/dev/keep.txt'), 'kept\n');
    },
  );

  // Fails without the supervisor: systemd is told never to restart by itself.
  test.serial('a service that is killed is started again; the instance is not', async t => {
    const [before] = await nexus.backend.find(uid);
    const started = (await box()).status?.instance?.startedAt;
    const restarts = (await box()).status?.services?.[0]?.restarts ?? 0;
    const pid = await answer();
    await nexus.must('exec', '--user', 'root', 'box', '--', 'kill', '-9', pid);
    await eventually(async () => assert.notEqual(await answer(), pid));
    await untilReady(nexus, 'box');
    t.is((await box()).status?.services?.[0]?.restarts, restarts + 1);
    t.is((await box()).status?.instance?.startedAt, started);
    t.is((await nexus.backend.find(uid))[0]?.created_at, before?.created_at);
  });

  // Fails when marks alone decide what is ours: a copy carries them too.
  test.serial('a copy made by hand is left alone, running or not', async t => {
    const original = await nexus.backend.call('GET', `/1.0/instances/${name}`);
    assert.ok(typeof original === 'object' && original !== null && 'config' in original);
    const config = Object.fromEntries(
      Object.entries(original.config ?? {}).filter(([key]) => !key.startsWith('volatile.')),
    );
    const source = {type: 'copy', source: name};
    await nexus.backend.call('POST', '/1.0/instances', {...original, name: 'copy', config, source});
    const pid = await answer();

    // What comes later has been dealt with: so has the copy.
    await nexus.backend.state(name, 'freeze');
    await untilHealed();
    const listed = await nexus.backend.find(uid);
    t.deepEqual(listed.map(each => `${each.name} ${each.status}`).sort(), [
      'copy Stopped',
      `${name} Running`,
    ]);
    t.is(await answer(), pid);
  });

  test.serial('a container without our marks in the same project is left alone', async t => {
    await nexus.backend.call('POST', '/1.0/instances', {
      name: 'nexus-foreign',
      type: 'container',
      source: {type: 'none'},
    });
    const listed = await nexus.client().list('Workspace');
    t.deepEqual(
      listed.items.map(each => each.metadata.name),
      ['box'],
    );
    await untilReady(nexus, 'box');
  });

  // Fails without seeing absence: status would go on saying Running.
  test.serial('a deleted instance is made anew', async t => {
    const port = (await box()).status?.ssh?.port;
    await nexus.backend.state(name, 'stop').catch(() => {});
    await eventually(async () => {
      // It may be started again between the two.
      await nexus.backend.state(name, 'stop').catch(() => {});
      await nexus.backend.call('DELETE', `/1.0/instances/${name}`);
    });
    await untilEvent('InstanceLost');
    const {instances} = await untilHealed();
    t.deepEqual(instances.sort(), ['copy Stopped', `${name} Running`]);
    t.is((await nexus.cli('exec', 'box', '--', 'cat', '/home/dev/keep.txt')).code, 1, 'it is a new one');
    t.is((await box()).status?.ssh?.port, port);
    t.is((await nexus.cli('ssh', 'box', '--', 'true')).code, 0);
  });

  test.serial(
    'deleting the workspace takes its instance, and neither the copy nor what is foreign',
    async t => {
      t.is((await nexus.cli('delete', 'workspace/box', '--force')).code, 0);
      await untilGone(nexus, 'box');
      t.deepEqual((await nexus.backend.instances()).map(each => each.name).sort(), ['copy', 'nexus-foreign']);
    },
  );
});
