import {access, mkdir, mkdtemp, readlink, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import anyTest from 'ava';
import {protocolVersion} from '../../../api/agent/v1alpha1/messages.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {createAgentPackages} from '../../../cli/agent-package/agent-packages.ts';
import {createConnectToNode} from '../../../controller/agent-client/connect-to-node.ts';
import {createSshPool} from '../../../controller/agent-client/ssh-pool.ts';
import {createAgentInstaller} from '../../../controller/agent-install/installer.ts';
import {startSshMachine} from '../../controller/agent-install/ssh-machine.ts';
import {localNode} from '../../fakes/nodes.ts';
import {hasSshServer} from '../../fakes/ssh-server.ts';

// Where sshd is not installed this is skipped, and says so; in CI it must be there.
const test = (await hasSshServer()) || process.env.CI !== undefined ? anyTest : anyTest.skip;

const signal = new AbortController().signal;

test('on a machine that has nothing but an sshd, the agent is installed, runs, is kept, and is removed', async t => {
  const home = await mkdtemp(join(tmpdir(), 'nexus-server-'));
  t.teardown(() => rm(home, {recursive: true, force: true}));
  await using box = await startSshMachine();
  const {server} = box;
  await mkdir(join(box.home, 'agent'), {recursive: true});
  await writeFile(join(box.home, 'installation'), 'abc123\n');
  await using ssh = createSshPool({clock: systemClock});
  const connect = createConnectToNode({
    localCommand: ['false'],
    identityFile: server.identityFile,
    ssh,
    clock: systemClock,
    log: silentLogger,
  });
  const node = localNode('n1', {
    local: false,
    user: server.user,
    port: server.port,
    hostKey: server.hostKey,
  });
  const hello = async () => {
    await using connection = await connect(node, signal);
    await connection.request('features/negotiate', {features: ['package']});
    return await connection.request('initialize', {
      protocolVersion,
      role: 'controller',
      epoch: 1,
      installation: 'abc123',
      node: 'n1',
    });
  };
  await t.throwsAsync(hello(), {message: /no agent is installed in \S+, and no nexus is on PATH/});

  const packages = createAgentPackages({home, env: process.env, version: '1.2.3'});
  const installer = createAgentInstaller({packages, clock: systemClock});
  await using session = await box.open();
  const told: number[] = [];
  const options = {
    progress: (sent: number, total: number) => told.push(sent / total),
    signal,
  };
  const installed = await installer.install(session, options);
  t.is(installed.outcome, 'Installed');
  t.deepEqual(installed.command, [join(box.home, 'agent-versions/current/nexus')]);
  t.is(await readlink(join(box.home, 'agent-versions/current')), installed.version);
  t.is(told[0], 0);
  t.is(told.at(-1), 1);

  const {agentVersion, package: from} = (await hello()).node;
  t.is(agentVersion, '1.2.3');
  t.is(from?.id, installed.version);
  t.is((await installer.install(session, options)).outcome, 'Current');
  t.is((await hello()).node.agentVersion, '1.2.3');

  await installer.uninstall(session, signal);
  await t.throwsAsync(access(join(box.home, 'agent-versions')));
  await t.throwsAsync(hello(), {message: /no agent is installed/});
});
