import {access, readFile} from 'node:fs/promises';
import type {LxdDriver} from '../../agent/lxd/driver.ts';
import {createLxdDriver} from '../../agent/lxd/driver.ts';
import {agentHome, readAgentConfig} from '../../agent/system/agent-home.ts';
import {findBackendSocket} from '../../agent/system/backend-socket.ts';
import {systemClock} from '../../api/effects/clock.ts';
import {silentLogger} from '../../api/effects/logger.ts';
import {systemRandom} from '../../api/effects/random.ts';
import type {Cli} from '../cli.ts';
import type {Check, Finding} from './check.ts';

const setup = 'Make it: nexus agent setup --image FILE (hack/up does all of it)';
/** Share of the pool that must be free. */
const enough = 0.1;

/** What must be right on a machine that workspaces run on; skipped on one that is none. */
export const agentChecks: readonly Check[] = [
  {
    name: 'container backend',
    run: cli =>
      onNode(cli, async (driver, socket) => {
        const {backend, version, ready, message} = await driver.probeBackend();
        return ready
          ? {state: 'ok', message: `${backend} ${version} at ${socket}`}
          : {
              state: 'bad',
              message: message ?? `nothing answers at ${socket}`,
              cure: 'Start it: hack/backend start, or systemctl start incus.',
            };
      }),
  },
  {
    name: 'project, pool and bridge',
    run: cli =>
      onNode(cli, async driver => {
        const {ready, message} = await driver.probe();
        return ready
          ? {state: 'ok', message: 'present'}
          : {state: 'bad', message: message ?? 'not ready', cure: setup};
      }),
  },
  {
    name: 'image nexus/base',
    run: cli =>
      onNode(cli, async driver =>
        (await driver.imagePresent('nexus/base'))
          ? {state: 'ok', message: 'present'}
          : {state: 'bad', message: 'missing', cure: setup},
      ),
  },
  {
    name: 'storage pool',
    run: cli =>
      onNode(cli, async driver => {
        const {capacity, allocatable} = await driver.capacity();
        const free = capacity.disk === 0 ? 0 : allocatable.disk / capacity.disk;
        const message = `${(allocatable.disk / 2 ** 30).toFixed(1)} of ${(capacity.disk / 2 ** 30).toFixed(1)} GiB free`;
        return free >= enough
          ? {state: 'ok', message}
          : {state: 'bad', message, cure: 'Delete workspaces that nobody needs, or enlarge the pool.'};
      }),
  },
];

async function onNode(
  {home}: Cli,
  look: (driver: LxdDriver, socket: string) => Promise<Finding>,
): Promise<Finding> {
  const paths = agentHome(home);
  const installation = await readFile(paths.installationFile, 'utf8').catch(() => undefined);
  if (installation === undefined) {
    return {state: 'skipped', message: 'this machine is no node of this installation'};
  }

  const socket = await findBackendSocket(await readAgentConfig(paths), process.env);
  try {
    await access(socket);
  } catch {
    return {
      state: 'bad',
      message: `there is no socket ${socket}`,
      cure: 'Start LXD or Incus: hack/backend start. Another socket is named in $NEXUS_HOME/agent/config.json.',
    };
  }

  await using driver = createLxdDriver({
    socket,
    installation: installation.trim(),
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
  });
  return await look(driver, socket);
}
