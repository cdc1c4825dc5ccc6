import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'ava';
import {eventually} from './eventually.ts';
import type {Installation} from './installation.ts';
import {createInstallation} from './installation.ts';
import {runProgram} from './program.ts';
import {conditionOf, declare, fetchText, untilGone, untilReady} from './workspaces.ts';

/** The home of a daemon that may be killed: `hack/backend start --own --home DIR --kind incus`. */
const control = process.env.NEXUS_TEST_BACKEND_CONTROL;
const tarball = process.env.NEXUS_TEST_IMAGE;

if (control && tarball) {
  register(control, tarball);
} else {
  const title =
    'Incus that may be killed: needs NEXUS_TEST_BACKEND_CONTROL (a home of hack/backend) and NEXUS_TEST_IMAGE';
  if (process.env.CI) test(title, t => t.fail('in CI nothing is skipped'));
  else test.skip(title, t => t.fail());
}

function register(daemonHome: string, image: string): void {
  const socket = path.join(daemonHome, 'incus/unix.socket');
  let nexus: Installation;

  const backend = async (command: string) => {
    const program = path.resolve(import.meta.dirname, '../../hack/backend');
    const {code, stderr} = await runProgram(program, [command, '--home', daemonHome], {
      cwd: '/',
      env: process.env,
    });
    assert.equal(code, 0, stderr);
  };

  test.before(async () => {
    nexus = await createInstallation({socket, tarball: image});
    await declare(nexus.client(), 'lasting');
    await untilReady(nexus, 'lasting');
  });
  test.after.always(async () => {
    await nexus?.[Symbol.asyncDispose]();
  });

  const lasting = () => nexus.client().get('Workspace', 'lasting');

  // Fails when what can't be seen counts as absent: a second instance would be made, or the ports be closed.
  test.serial(
    'the daemon is killed and starts again: containers run on, and so does the workspace',
    async t => {
      const before = await lasting();
      const answer = await fetchText(before, 'web');
      await backend('restart');
      t.is(await fetchText(before, 'web'), answer);
      const after = await untilReady(nexus, 'lasting');
      t.is(after.status?.instance?.startedAt, before.status?.instance?.startedAt);
      t.is(after.status?.services?.[0]?.restarts, before.status?.services?.[0]?.restarts);
      t.is((await nexus.cli('ssh', 'lasting', '--', 'hostname')).stdout, 'lasting\n');
    },
  );

  // Fails without events that are listened to again after the connection was lost.
  test.serial('what happens by hand afterwards is seen as before', async t => {
    const {uid} = (await lasting()).metadata;
    await nexus.backend.state(`nexus-${uid}`, 'stop');
    await eventually(async () => {
      const events = await nexus.client().workspaces.events('lasting');
      assert.ok(events.some(({spec}) => spec.reason === 'InstanceStoppedUnexpectedly'));
    });
    t.is((await untilReady(nexus, 'lasting')).metadata.uid, uid);
    t.is((await nexus.backend.find(uid)).length, 1);
  });

  // Fails when an operation that the daemon has forgotten is waited for for ever.
  test.serial('workspaces that were being created and deleted at that moment get there', async t => {
    await declare(nexus.client(), 'leaving');
    const {uid} = (await untilReady(nexus, 'leaving')).metadata;
    await Promise.all([
      declare(nexus.client(), 'coming'),
      nexus.client().workspaces.delete('leaving', {force: true}),
    ]);
    await backend('restart');
    const coming = await untilReady(nexus, 'coming', 180_000);
    await untilGone(nexus, 'leaving');
    t.is((await nexus.backend.find(coming.metadata.uid)).length, 1);
    t.deepEqual(await nexus.backend.find(uid), []);
  });

  // Fails when an agent that can't ask its backend says that there are no instances, or when nobody tries to reach it again.
  test.serial(
    'after a reboot in which the backend comes up last, the status says what is missing, and all comes back',
    async t => {
      const {uid} = (await lasting()).metadata;
      await nexus.server().kill();
      await nexus.killAgent();
      await backend('stop');
      await nexus.startServer();
      const ready = await eventually(async () => {
        const condition = conditionOf(await lasting(), 'Ready');
        assert.notEqual(condition.status, 'True', condition.message);
        return condition;
      });
      t.log(ready.reason, ready.message);
      t.is((await nexus.cli('get', 'workspaces')).code, 0, 'looking works meanwhile');
      const node = await nexus.client().get('Node', 'local');
      t.log(node.status?.conditions?.[0]?.message);

      await backend('start');
      const after = await untilReady(nexus, 'lasting', 120_000);
      t.is(after.metadata.uid, uid);
      t.is((await nexus.backend.find(uid)).length, 1);
      t.regex(await eventually(async () => await fetchText(await lasting(), 'web')), /^\d+$/);
    },
  );
}
