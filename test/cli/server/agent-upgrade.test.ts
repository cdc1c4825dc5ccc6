import {mkdir, mkdtemp, readlink, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import type {ExecutionContext} from 'ava';
import anyTest from 'ava';
import {Registry} from 'prom-client';
import {systemClock} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {systemRandom} from '../../../api/effects/random.ts';
import {openSqliteStorage} from '../../../api/storage/sqlite/sqlite-storage.ts';
import {endlessTerm} from '../../../api/storage/term.ts';
import {findCondition} from '../../../api/v1alpha1/condition.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import {createAgentPackages} from '../../../cli/agent-package/agent-packages.ts';
import {bundleAgent} from '../../../cli/agent-package/bundle-agent.ts';
import {createAgentUpgrader} from '../../../cli/server/agent-upgrader.ts';
import {createConnectToNode} from '../../../controller/agent-client/connect-to-node.ts';
import {createSshPool} from '../../../controller/agent-client/ssh-pool.ts';
import {installedAgent} from '../../../controller/agent-install/agent-command.ts';
import {createAgentInstaller} from '../../../controller/agent-install/installer.ts';
import {createControllerMetrics} from '../../../controller/metrics.ts';
import {runController} from '../../../controller/run.ts';
import {openStubBackend, sync} from '../../agent/lxd/stub-backend.ts';
import type {SshMachine} from '../../controller/agent-install/ssh-machine.ts';
import {startSshMachine} from '../../controller/agent-install/ssh-machine.ts';
import {localNode} from '../../fakes/nodes.ts';
import {hasSshServer} from '../../fakes/ssh-server.ts';

// Where sshd is not installed this is skipped, and says so; in CI it must be there.
const test = (await hasSshServer()) || process.env.CI !== undefined ? anyTest : anyTest.skip;

const signal = new AbortController().signal;
const fixture = resolve(import.meta.dirname, '../../fixtures/previous-agent.mjs');

/** A machine with `nexus agent` of the previous release, put there by hand as that release wanted it, and with a backend that has nothing. */
async function startMachine(t: ExecutionContext): Promise<SshMachine> {
  const box = await startSshMachine({path: 'bin'});
  const {home} = box;
  const backend = await openStubBackend(({what}) =>
    sync(
      what === 'GET /1.0'
        ? {api_extensions: [], environment: {server: 'incus', server_version: '6.0.4'}}
        : [],
    ),
  );
  t.teardown(async () => {
    const session = await box.open();
    await session.machine.run(installedAgent('agent', 'stop'), {signal}).catch(() => {});
    await session[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  const bin = join(home, 'bin');
  await mkdir(bin);
  await mkdir(join(home, 'agent'), {recursive: true});
  await writeFile(join(home, 'installation'), 'abc123\n');
  await writeFile(join(home, 'agent/config.json'), JSON.stringify({socket: backend.socket}));
  await writeFile(
    join(bin, 'previous.mjs'),
    `import {relayAgent, runAgentDaemon} from ${JSON.stringify(fixture)};
    const home = ${JSON.stringify(home)};
    if (process.argv.includes('stop')) process.exit(0);
    if (process.argv.includes('--daemon')) await runAgentDaemon({home, agentVersion: '0.0.9'});
    else await relayAgent({home, daemonCommand: [process.execPath, import.meta.filename, '--daemon']});
    process.exit(0);`,
  );
  await writeFile(
    join(bin, 'nexus'),
    `#!/bin/sh\nshift\nexec ${process.execPath} ${join(bin, 'previous.mjs')} "$@"\n`,
    {mode: 0o755},
  );
  return box;
}

/** A controller with its upgrades, and one machine as its node. */
async function startServer(
  t: ExecutionContext,
  box: SshMachine,
  {bundle = bundleAgent, upTimeout = 60_000} = {},
) {
  const home = await mkdtemp(join(tmpdir(), 'nexus-server-'));
  const storage = await openSqliteStorage({path: ':memory:', clock: systemClock, random: systemRandom});
  const {server} = box;
  const {apiVersion, kind, spec} = localNode('box', {
    local: false,
    user: server.user,
    port: server.port,
    hostKey: server.hostKey,
  });
  await storage.create('Node', {apiVersion, kind, metadata: {name: 'box'}, spec});
  const ssh = createSshPool({clock: systemClock});
  const common = {clock: systemClock, random: systemRandom, log: silentLogger};
  const packages = createAgentPackages({home, env: process.env, version: '1.2.3', bundle});
  const controller = runController(
    {
      ...common,
      storage,
      metrics: createControllerMetrics(new Registry(), systemClock),
      term: endlessTerm(1),
      installation: 'abc123',
      credentials: {forRepository: async () => undefined},
      bundles: {open: () => Promise.reject(new Error('there are none'))},
      connect: createConnectToNode({
        ...common,
        ssh,
        localCommand: ['false'],
        identityFile: server.identityFile,
      }),
      upgrader: createAgentUpgrader({
        packages,
        installer: createAgentInstaller({packages, clock: systemClock}),
        ssh,
        identityFile: server.identityFile,
        localCommand: ['false'],
        env: process.env,
        version: '1.2.3',
      }),
      tuning: {rollout: {upTimeout, canary: 100, others: 100}},
    },
    signal,
  );
  t.teardown(async () => {
    await controller[Symbol.asyncDispose]();
    await ssh[Symbol.asyncDispose]();
    await storage[Symbol.asyncDispose]();
    await rm(home, {recursive: true, force: true});
  });
  return {
    storage,
    controller,
    /** Resolves once the stored node is as it should be. */
    async node(fits: (node: Stored<'Node'>) => boolean): Promise<Stored<'Node'>> {
      for (;;) {
        const node = await storage.get('Node', 'box');
        if (fits(node)) {
          return node;
        }
        await systemClock.sleep(50);
      }
    },
  };
}

const reasonOf = (node: Stored<'Node'>) => findCondition(node.status?.conditions, 'AgentUpToDate')?.reason;

test('an agent of the previous release works, is upgraded over its own connection, and goes back to what it was if need be', async t => {
  const box = await startMachine(t);
  const current = async () => await readlink(join(box.home, 'agent-versions/current'));
  const {node, controller} = await startServer(t, box);
  const old = await node(({status}) => status?.agentVersion === '0.0.9');
  t.is(old.status?.agentPackage, undefined);
  const upgraded = await node(each => reasonOf(each) === 'UpToDate');
  t.is(upgraded.status?.agentVersion, '1.2.3');
  t.is(`${upgraded.status?.agentPackage}`, await current());
  await controller[Symbol.asyncDispose]();

  // A later server, whose agent does not come up.
  const spoilt = async (version: string) =>
    (await bundleAgent(version)).map(file =>
      file.path === 'nexus'
        ? {
            ...file,
            content: Buffer.from(
              `${file.content}`.replace('exec', 'case "$*" in *--stdio*) exit 1; esac\nexec'),
            ),
          }
        : file,
    );
  const later = await startServer(t, box, {bundle: spoilt, upTimeout: 10_000});
  const failed = await later.node(each => reasonOf(each) === 'UpgradeFailed');
  t.is(`${upgraded.status?.agentPackage}`, await current());
  t.not(`${failed.status?.failedUpgrade?.package}`, await current());
  t.is(`${failed.status?.agentPackage}`, await current());
  t.regex(failed.status?.failedUpgrade?.message ?? '', /It runs 1\.2\.3-[0-9a-f]{12} again\.$/);
});
