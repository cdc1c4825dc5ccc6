import assert from 'node:assert/strict';
import {connect} from 'node:net';
import test from 'ava';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import type {LabInstallation} from '../lab/lab-installation.ts';
import {createLabInstallation} from '../lab/lab-installation.ts';
import {eventually} from './eventually.ts';
import {conditionOf, declare, fetchText, nodePortOf, smallSpec, untilReady} from './workspaces.ts';

/** Nodes that are machines of their own, with all that befalls machines; each test goes on where the last one ended. */
onBackend(backends[0], ({tarball}) => {
  let installation: LabInstallation;

  test.before(async () => {
    installation = await createLabInstallation({nodes: 2, tarball});
    const {nexus} = installation;
    await Promise.all(['a', 'b'].map(node => declare(nexus.client(), `on-${node}`, {...smallSpec, node})));
    await Promise.all(['a', 'b'].map(node => untilReady(nexus, `on-${node}`)));
  });
  test.after.always(async () => {
    await installation?.[Symbol.asyncDispose]();
  });

  const get = (name: string) => installation.nexus.client().get('Workspace', name);
  const inside = async (name: string, ...command: readonly string[]) =>
    await installation.nexus.cli('ssh', name, '--', ...command);
  const readyNode = async (name: string) =>
    conditionOf(await installation.nexus.client().get('Node', name), 'Ready');

  // Fails when forwards listen on the node's loopback, where only the node itself reaches them.
  test.serial('ssh and service ports are reached at the address of their node, and nowhere else', async t => {
    for (const name of ['a', 'b']) {
      const {address, run} = installation.lab.node(name);
      const workspace = await get(`on-${name}`);
      t.is(workspace.status?.node, name);
      t.is(workspace.status?.ssh?.host, address);
      const {code, stdout, stderr} = await inside(`on-${name}`, 'hostname');
      t.is(code, 0, stderr);
      t.is(stdout, `on-${name}\n`);
      t.regex(await fetchText(workspace, 'web'), /^\d+$/);

      const {stdout: listening} = await run(['ss', '-Hltn']);
      const port = nodePortOf(workspace, 'ssh');
      t.deepEqual(listening.match(new RegExp(`\\S+:${port}\\b`, 'g')), [`${address}:${port}`]);
    }
  });

  // Fails when what was seen last is taken for what is.
  test.serial(
    'a node that is cut off is NotReady, its workspaces are Unknown, nothing is placed anew, and all is well when it is back',
    async t => {
      const {nexus, lab, backendOf} = installation;
      const before = await get('on-a');
      await lab.node('a').cutOff();

      const notReady = await eventually(async () => {
        const ready = await readyNode('a');
        assert.notEqual(ready.status, 'True');
        return ready;
      });
      t.regex(notReady.message, /\d+ ?s|heard|ago/, 'its age is told');
      const unknown = await eventually(async () => {
        const workspace = await get('on-a');
        assert.equal(conditionOf(workspace, 'Ready').status, 'Unknown');
        return workspace;
      });
      t.not(unknown.status?.phase, 'Running');
      t.is(unknown.status?.node, 'a');
      await untilReady(nexus, 'on-b');
      t.is((await inside('on-b', 'true')).code, 0, 'the other node is not concerned');
      // What is declared meanwhile is carried out later, and once.
      await nexus.must('workspace', 'stop', 'on-a');

      await lab.node('a').reconnect();
      await eventually(async () => {
        const workspace = await get('on-a');
        assert.equal(workspace.status?.phase, 'Stopped', JSON.stringify(workspace.status?.conditions));
      });
      await nexus.must('workspace', 'start', 'on-a');
      const after = await untilReady(nexus, 'on-a');
      t.is(after.status?.node, 'a');
      t.deepEqual(after.status?.ports, before.status?.ports);
      t.regex(await fetchText(after, 'web'), /^\d+$/);
      t.is((await backendOf('a').instances()).length, 1, 'nothing is doubled');
      t.is((await backendOf('b').instances()).length, 1);
    },
  );

  // Fails when anything is only in the memory of the node, or of its agent.
  test.serial('after a power cut of its node a workspace comes back as it was', async t => {
    const {nexus, lab, backendOf} = installation;
    const before = await get('on-b');
    t.is((await inside('on-b', 'echo kept >kept.txt; sync')).code, 0);
    await lab.node('b').kill();
    await eventually(async () => assert.notEqual((await readyNode('b')).status, 'True'));
    t.is((await get('on-b')).status?.node, 'b');
    t.is((await inside('on-a', 'true')).code, 0, 'the other node is not concerned');

    await lab.node('b').boot();
    await eventually(async () => assert.equal((await readyNode('b')).status, 'True'));
    const after = await untilReady(nexus, 'on-b');
    t.is((await inside('on-b', 'cat', 'kept.txt')).stdout, 'kept\n');
    t.regex(await fetchText(after, 'web'), /^\d+$/);
    t.deepEqual(after.status?.ports, before.status?.ports);
    t.deepEqual(
      (await backendOf('b').instances()).map(({status}) => status),
      ['Running'],
    );
  });

  test.serial('once it is deleted nothing listens on the node any more', async t => {
    const {nexus, lab, backendOf} = installation;
    const port = nodePortOf(await get('on-a'), 'ssh');
    await nexus.must('delete', 'workspace', 'on-a', '--force', '--timeout', '2m');
    const refused = connect({host: lab.node('a').address, port});
    const [error] = await new Promise<[NodeJS.ErrnoException]>(resolve =>
      refused.once('error', (...failure) => resolve(failure)).once('connect', () => refused.destroy()),
    );
    t.is(error.code, 'ECONNREFUSED');
    t.deepEqual(await backendOf('a').instances(), []);
  });
});
