import assert from 'node:assert/strict';
import test from 'ava';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import type {LabInstallation} from '../lab/lab-installation.ts';
import {createLabInstallation} from '../lab/lab-installation.ts';
import {eventually} from './eventually.ts';
import {listWork, makeWork} from './moved-work.ts';
import {conditionOf, declare, fetchText, smallSpec, untilReady} from './workspaces.ts';

/** Workspaces that go from one machine to another and back; each test goes on where the last one ended. */
onBackend(backends[0], ({tarball}) => {
  let installation: LabInstallation;
  let before = '';

  test.before(async () => {
    installation = await createLabInstallation({nodes: 2, tarball});
    const {nexus} = installation;
    await nexus.must('node', 'cordon', 'b');
    await declare(nexus.client(), 'mobile');
    await declare(nexus.client(), 'pinned', {...smallSpec, node: 'a'});
    await Promise.all(['mobile', 'pinned'].map(name => untilReady(nexus, name)));
    await nexus.must('node', 'uncordon', 'b');
    await nexus.must('exec', 'mobile', '--', ...makeWork);
    before = await contents();
  });
  test.after.always(async () => {
    await installation?.[Symbol.asyncDispose]();
  });

  const get = () => installation.nexus.client().get('Workspace', 'mobile');
  const contents = async () => {
    const {code, stdout, stderr} = await installation.nexus.cli('exec', 'mobile', '--', ...listWork);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const isOn = async (node: string) => {
    const {uid} = (await get()).metadata;
    const instances = await installation.backendOf(node).instances();
    return instances.some(({name}) => name === `nexus-${uid}`);
  };
  /** Drains a node by way of a line so slow that the midst of the copy is not missed. */
  const drainSlowly = async (source: string, target: string) => {
    const {nexus, lab} = installation;
    await lab.node(target).slow({rate: 40_000});
    await nexus.must('node', 'drain', source, '--to', target, '--no-wait');
    await eventually(async () => {
      const {migration} = (await get()).status ?? {};
      assert.equal(migration?.phase, 'Copying');
      assert.ok((migration.copied ?? 0) > 0, 'the first bytes have come');
    });
  };

  test.serial(
    'a drain moves what it can, whole, says why the rest stays, and leaves nothing behind',
    async t => {
      const {nexus, lab} = installation;
      const {status} = await get();
      const planned = await nexus.must('node', 'drain', 'a', '--dry-run');
      t.regex(planned, /workspace\/mobile goes to b \(dry run\)/);
      t.regex(planned, /workspace\/pinned stays: .*the workspace asks for node a/);
      t.is((await get()).status?.migration, undefined);

      const drained = await nexus.cli('node', 'drain', 'a', '--timeout', '3m');
      t.not(drained.code, 0);
      t.regex(drained.stderr, /pinned: Node a is being drained\. .*the workspace asks for node a/);
      t.regex(drained.stderr, /mobile .* InPlace: It is moved from node a to node b/);
      // The drain may have been given up before its copy had come, on a slow machine.
      await eventually(async () => assert.equal((await get()).status?.node, 'b'), {timeout: 300_000});
      const after = await untilReady(nexus, 'mobile');
      t.is(after.status?.ssh?.host, lab.node('b').address);
      t.is(after.status?.ssh?.hostKey, status?.ssh?.hostKey, 'nobody is warned of another host key');
      t.is(await contents(), before);
      t.regex(await fetchText(after, 'web'), /^\d+$/);
      await eventually(async () => {
        t.false(await isOn('a'));
        assert.equal((await get()).status?.migration, undefined);
      });
      const {items} = await nexus.client().list('Event');
      const reasons = items.filter(({spec}) => spec.regarding.name === 'mobile').map(({spec}) => spec.reason);
      t.true(
        ['MoveStarted', 'Moved', 'MoveFinished'].every(reason => reasons.includes(reason)),
        reasons.join(' '),
      );
      await untilReady(nexus, 'pinned');
      await nexus.must('node', 'uncordon', 'a');
    },
  );

  test.serial(
    'a server that is killed in the midst of a copy goes on with the move when it is back',
    async t => {
      const {nexus, lab} = installation;
      await drainSlowly('b', 'a');
      await nexus.server().kill();
      await lab.node('a').slow({});
      await nexus.startServer();
      await eventually(
        async () =>
          assert.equal((await get()).status?.node, 'a', JSON.stringify((await get()).status?.migration)),
        {timeout: 120_000},
      );
      await untilReady(nexus, 'mobile');
      t.is(await contents(), before);
      await eventually(async () => assert.equal(await isOn('b'), false));
      t.true(await isOn('a'));
      await nexus.must('node', 'uncordon', 'b');
    },
  );

  test.serial('agents that are both killed in the midst of a copy go on with the move', async t => {
    const {nexus, lab} = installation;
    await drainSlowly('a', 'b');
    await Promise.all(
      ['a', 'b'].map(name => lab.node(name).must(['pkill', '-KILL', '-f', 'agent [-]-daemon'])),
    );
    await lab.node('b').slow({});
    await eventually(
      async () =>
        assert.equal((await get()).status?.node, 'b', JSON.stringify((await get()).status?.migration)),
      {timeout: 120_000},
    );
    await untilReady(nexus, 'mobile');
    t.is(await contents(), before);
    await eventually(async () => assert.equal(await isOn('a'), false));
    t.true(await isOn('b'));
    await nexus.must('node', 'uncordon', 'a');
  });

  test.serial(
    'when the target is cut off it stays where it is and runs, and a drain that is undone leaves one copy',
    async t => {
      const {nexus, lab} = installation;
      await drainSlowly('b', 'a');
      await lab.node('a').cutOff();
      await eventually(
        async () => {
          const {status} = await get();
          assert.equal(status?.lastMove?.outcome, 'Failed', JSON.stringify(status?.migration));
          assert.equal(conditionOf(await get(), 'Ready').status, 'True');
        },
        {timeout: 120_000},
      );
      t.is((await get()).status?.node, 'b');
      t.is(await contents(), before);
      await nexus.must('node', 'uncordon', 'b');
      await lab.node('a').slow({});
      await lab.node('a').reconnect();
      await eventually(async () => assert.equal(await isOn('a'), false), {timeout: 120_000});
      await untilReady(nexus, 'mobile');
      t.is(conditionOf(await get(), 'InPlace').status, 'True');
    },
  );
});
