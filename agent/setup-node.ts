import type {Logger} from '../api/effects/logger.ts';
import {silentLogger} from '../api/effects/logger.ts';
import type {Provider} from '../api/v1alpha1/workspace.ts';
import {baseImage} from './instance-name.ts';
import type {OpenedDriver} from './open-drivers.ts';
import {openDrivers} from './open-drivers.ts';
import {providerKinds} from './provider-kinds.ts';
import {agentHome, ensureAgentHome, ensureInstallation, readAgentConfig} from './system/agent-home.ts';
import {stopDaemon} from './system/daemon-client.ts';

export type SetupNodeOptions = {
  /** `$NEXUS_HOME`. */
  readonly home: string;
  /** Tarball by hack/build-image to import as `nexus/base`; none leaves images as they are. */
  readonly image?: string;
  /** Of the server that this node will serve; this home's own by default. */
  readonly installation?: string;
  /** Those to set up; all that the configuration names, or else all that are found, by default. */
  readonly providers?: readonly Provider[];
  /** Told in words what is being done. */
  readonly progress?: (message: string) => void;
  readonly log?: Logger;
};

export type SetupResult = {
  readonly installation: string;
  /** Those that are ready now, by name and version. */
  readonly backends: readonly string[];
  /** Those that could not be set up, while others were. */
  readonly failures: readonly {readonly provider: Provider; readonly error: unknown}[];
};

/**
 * Makes what each backend needs for workspaces, and imports the base image. Safe to repeat. A backend that fails does not stop the others;
 * rejects when it was asked for by name, or when none is left: with DriverError, or an Error that says which backend can't be used.
 */
export async function setupNode({progress = () => {}, ...options}: SetupNodeOptions): Promise<SetupResult> {
  await using opened = await openAll({...options, providers: options.providers});
  const {installation, drivers} = opened;
  const backends: string[] = [];
  const failures: SetupResult['failures'][number][] = [];
  for (const each of drivers) {
    try {
      backends.push(await setUp(each, installation, {progress, image: options.image}));
    } catch (error) {
      failures.push({provider: each.kind.provider, error});
    }
  }
  const [failure] = failures;
  if (failure !== undefined && (backends.length === 0 || options.providers !== undefined)) {
    throw failure.error;
  }
  return {installation, backends, failures};
}

type Step = {readonly image: string | undefined; readonly progress: (message: string) => void};

async function setUp(
  {kind, driver}: OpenedDriver,
  installation: string,
  {progress, image}: Step,
): Promise<string> {
  const {backend, version, ready, message} = await driver.probeBackend();
  if (!ready) {
    throw new Error(`${kind.title} can't be used: ${message ?? 'it is not ready'}`);
  }
  if (message !== undefined) {
    progress(message);
  }
  progress(`preparing ${backend} ${version}: ${kind.makes} of installation ${installation}`);
  await driver.prepare();
  if (image !== undefined) {
    progress(`importing ${image} as ${baseImage}`);
    await driver.importImage(image, baseImage);
  }
  return `${backend} ${version}`;
}

/** Ends the daemon and takes away all that {@link setupNode} made, with every workspace in it. Safe to repeat. */
export async function purgeNode({
  progress = () => {},
  ...options
}: Omit<SetupNodeOptions, 'image' | 'installation' | 'providers'>): Promise<void> {
  if (await stopDaemon(agentHome(options.home))) {
    progress('stopped the agent');
  }
  // Where no backend is there is nothing to take away.
  await using opened = await openAll({...options, providers: undefined}, {mayBeNone: true});
  for (const {kind, driver} of opened.drivers) {
    progress(`removing workspaces, images, ${kind.makes} of installation ${opened.installation}`);
    await driver.purge();
  }
}

type Opened = AsyncDisposable & {
  readonly installation: string;
  readonly drivers: readonly OpenedDriver[];
};

/** The drivers asked for, or those whose backend is there. */
async function openAll(
  {home: path, installation: given, providers, log = silentLogger}: OpenAllOptions,
  {mayBeNone = false} = {},
): Promise<Opened> {
  const home = agentHome(path);
  await ensureAgentHome(home);
  const installation = await ensureInstallation(home, given);
  const config = await readAgentConfig(home);
  const opened = await openDrivers({home, config, installation, env: process.env, log});
  const drivers = opened.filter(({kind, driver}) =>
    providers === undefined ? driver.presence?.present === true : providers.includes(kind.provider),
  );
  const missing = providers?.find(name => !drivers.some(({kind}) => kind.provider === name));
  if (missing !== undefined) {
    throw new Error(`${home.configFile} names other providers, and not ${missing}`);
  }
  if (drivers.length === 0 && !mayBeNone) {
    const titles = providerKinds.map(({title}) => title).join(', ');
    throw new Error(`there is no backend for workspaces on this machine; looked for: ${titles}`);
  }
  return {
    installation,
    drivers,
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map(({driver}) => driver[Symbol.asyncDispose]()));
    },
  };
}

type OpenAllOptions = Pick<SetupNodeOptions, 'home' | 'installation' | 'log'> & {
  readonly providers: readonly Provider[] | undefined;
};
