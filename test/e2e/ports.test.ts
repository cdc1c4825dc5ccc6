import assert from 'node:assert/strict';
import {connect} from 'node:net';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import {eventually} from './eventually.ts';
import type {Installation} from './installation.ts';
import {createInstallation} from './installation.ts';
import {createPortHog, greeting, portRange} from './port-hog.ts';
import {conditionOf, declare, fetchText, nodePortOf, untilGone, untilReady} from './workspaces.ts';

/** Ports of the node that other programs have, or take when nobody looks. */
onBackend(backends[0], ({socket, tarball}) => {
  let nexus: Installation;

  test.before(async () => {
    nexus = await createInstallation({socket, tarball});
  });
  test.after.always(async () => {
    await nexus?.[Symbol.asyncDispose]();
  });

  const get = (name: string) => nexus.client().get('Workspace', name);
  const logsIn = async (name: string) =>
    (await nexus.cli('ssh', name, '--', 'hostname')).stdout === `${name}\n`;
  const heardAt = async (port: number) => await text(connect({host: '127.0.0.1', port}));

  // Fails without what the node reports as taken, and without the move when that came too late.
  test.serial('ports that other programs have are allocated around', async t => {
    await using hog = createPortHog();
    await hog.take([...portRange(2222, 2236), ...portRange(23_000, 23_014)]);
    t.true(hog.held().size > 2);
    await declare(nexus.client(), 'around');
    const workspace = await untilReady(nexus, 'around');

    const ports = workspace.status?.ports?.map(({nodePort}) => nodePort) ?? [];
    t.is(ports.length, 2);
    t.deepEqual(
      ports.filter(port => hog.held().has(port)),
      [],
    );
    t.true(await logsIn('around'));
    t.regex(await fetchText(workspace, 'web'), /^\d+$/);
    const [taken = 0] = hog.held();
    t.is(await heardAt(taken), greeting, 'the other program still has its port');
  });

  // Fails without the agent's word that a forward failed because the port is in use: the workspace would be unreachable for good.
  test.serial(
    'a port that another program took while the agent was away is given up for another one',
    async t => {
      const before = await get('around');
      const [oldSsh, oldWeb] = [nodePortOf(before, 'ssh'), nodePortOf(before, 'web')];
      await using hog = createPortHog();
      await nexus.server().kill();
      await nexus.killAgent();
      // A killed process lets go of its ports only when the last of its threads has ended.
      await eventually(async () => {
        await hog.take([oldSsh, oldWeb].filter(port => !hog.held().has(port)));
        assert.deepEqual([...hog.held()].sort(), [oldSsh, oldWeb].sort());
      });
      await nexus.startServer();

      const moved = await eventually(async () => {
        const workspace = await untilReady(nexus, 'around');
        assert.notEqual(nodePortOf(workspace, 'ssh'), oldSsh);
        assert.notEqual(nodePortOf(workspace, 'web'), oldWeb);
        return workspace;
      });
      t.is(moved.status?.ssh?.port, nodePortOf(moved, 'ssh'));
      await eventually(async () => assert.ok(await logsIn('around')), {timeout: 30_000});
      t.regex(await eventually(async () => await fetchText(await get('around'), 'web')), /^\d+$/);
      t.is(await heardAt(oldSsh), greeting);

      const events = await nexus.client().workspaces.events('around');
      const messages = events.filter(({spec}) => spec.reason === 'PortMoved').map(({spec}) => spec.message);
      for (const port of [oldSsh, oldWeb]) {
        t.true(
          messages.some(message => message.includes(`holds port ${port}: port `)),
          messages.join('\n'),
        );
      }
    },
  );

  // Fails when a workspace without a port is an error, or when nobody looks again.
  test.serial('with no port left a workspace says so, and goes on as soon as one is free', async t => {
    await using hog = createPortHog();
    // Workspaces of others on this machine come and go meanwhile: whatever they give back is taken too.
    const takeAll = async () => await hog.take(portRange(2222, 2299).filter(port => !hog.held().has(port)));
    await eventually(async () => {
      await takeAll();
      const {status} = await nexus.client().get('Node', 'local');
      const missed = [...hog.held()].filter(port => status?.portsInUse?.includes(port) !== true);
      assert.deepEqual(missed, [], 'the node has not reported these yet');
    });
    await declare(nexus.client(), 'late');
    const condition = await eventually(async () => {
      await takeAll();
      const found = conditionOf(await get('late'), 'PortsAllocated');
      assert.equal(found.reason, 'PortsExhausted', found.message);
      return found;
    });
    t.regex(condition.message, /port/);
    t.is((await get('late')).status?.node, undefined);
    t.true(await logsIn('around'), 'those that have theirs go on');

    const [free = 0] = hog.held();
    await hog.release(free);
    const workspace = await untilReady(nexus, 'late');
    t.true(await logsIn('late'));
    t.false(hog.held().has(nodePortOf(workspace, 'ssh')));
  });

  test.serial(
    'a workspace that waits for a port can be deleted, and ports that were given are free again',
    async t => {
      const given = ['around', 'late'].map(async name => nodePortOf(await get(name), 'ssh'));
      const ports = await Promise.all(given);
      await using hog = createPortHog();
      await nexus.must('delete', 'workspace', 'around', 'late', '--force');
      await Promise.all(['around', 'late'].map(name => untilGone(nexus, name)));
      await hog.take(ports);
      t.deepEqual(
        ports.filter(port => !hog.held().has(port)),
        [],
        'nobody listens there any more',
      );
    },
  );
});
