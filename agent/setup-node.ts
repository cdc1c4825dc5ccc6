import {systemClock} from '../api/effects/clock.ts';
import type {Logger} from '../api/effects/logger.ts';
import {silentLogger} from '../api/effects/logger.ts';
import {systemRandom} from '../api/effects/random.ts';
import type {LxdDriver} from './lxd/driver.ts';
import {createLxdDriver} from './lxd/driver.ts';
import {baseImage} from './lxd/names.ts';
import {agentHome, ensureAgentHome, ensureInstallation, readAgentConfig} from './system/agent-home.ts';
import {findBackendSocket} from './system/backend-socket.ts';
import {stopDaemon} from './system/daemon-client.ts';

export type SetupNodeOptions = {
  /** `$NEXUS_HOME`. */
  readonly home: string;
  /** Unified tarball to import as `nexus/base`; none leaves images as they are. */
  readonly image?: string;
  /** Of the server that this node will serve; this home's own by default. */
  readonly installation?: string;
  /** Told in words what is being done. */
  readonly progress?: (message: string) => void;
  readonly log?: Logger;
};

/** Makes project, pool and bridge on the backend, and imports the base image. Safe to repeat. Rejects with DriverError. */
export async function setupNode({
  progress = () => {},
  ...options
}: SetupNodeOptions): Promise<{installation: string; backend: string}> {
  const {driver, installation} = await openDriver(options);
  await using _ = driver;
  const {backend, version, ready, message} = await driver.probeBackend();
  if (!ready) {
    throw new Error(`the backend can't be used: ${message ?? 'it is not ready'}`);
  }
  if (message !== undefined) {
    progress(message);
  }
  progress(
    `preparing ${backend} ${version}: project, storage pool and bridge of installation ${installation}`,
  );
  await driver.prepare();
  if (options.image !== undefined) {
    progress(`importing ${options.image} as ${baseImage}`);
    await driver.importImage(options.image, baseImage);
  }
  return {installation, backend: `${backend} ${version}`};
}

/** Ends the daemon and takes away all that {@link setupNode} made, with every workspace in it. Safe to repeat. */
export async function purgeNode({
  progress = () => {},
  ...options
}: Omit<SetupNodeOptions, 'image' | 'installation'>): Promise<void> {
  if (await stopDaemon(agentHome(options.home))) {
    progress('stopped the agent');
  }
  const {driver, installation} = await openDriver(options);
  await using _ = driver;
  progress(`removing workspaces, images, project, storage pool and bridge of installation ${installation}`);
  await driver.purge();
}

async function openDriver(options: SetupNodeOptions): Promise<{driver: LxdDriver; installation: string}> {
  const home = agentHome(options.home);
  await ensureAgentHome(home);
  const installation = await ensureInstallation(home, options.installation);
  const socket = await findBackendSocket(await readAgentConfig(home), process.env);
  const driver = createLxdDriver({
    socket,
    installation,
    clock: systemClock,
    random: systemRandom,
    log: options.log ?? silentLogger,
  });
  return {driver, installation};
}
