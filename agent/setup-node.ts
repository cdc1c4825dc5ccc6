import type {Logger} from '../api/effects/logger.ts';
import type {Provider} from '../api/v1alpha1/workspace.ts';
import type {BaseImageState, ImageDigests} from './base-image.ts';
import {baseImageStates} from './base-image.ts';
import {baseImage} from './instance-name.ts';
import {openBackends} from './open-backends.ts';
import type {OpenedDriver} from './open-drivers.ts';
import {agentHome} from './system/agent-home.ts';
import {stopDaemon} from './system/daemon-client.ts';

export type SetupNodeOptions = {
  /** `$NEXUS_HOME`. */
  readonly home: string;
  /** Tarball by hack/build-image to import as `nexus/base`; none leaves images as they are. */
  readonly image?: string;
  /** Of the files that `nexus/base` is to be made of, to be told whether it is. */
  readonly imageDigests?: ImageDigests;
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
  /** In each form that those which are ready need. */
  readonly images: readonly BaseImageState[];
};

/**
 * Makes what each backend needs for workspaces, and imports the base image. Safe to repeat. A backend that fails does not stop the others;
 * rejects when it was asked for by name, or when none is left: with DriverError, or an Error that says which backend can't be used.
 */
export async function setupNode({progress = () => {}, ...options}: SetupNodeOptions): Promise<SetupResult> {
  await using opened = await openBackends({...options, providers: options.providers});
  const {installation, drivers} = opened;
  const backends: string[] = [];
  const ready: OpenedDriver[] = [];
  const failures: SetupResult['failures'][number][] = [];
  for (const each of drivers) {
    try {
      backends.push(await setUp(each, installation, {progress, image: options.image}));
      ready.push(each);
    } catch (error) {
      failures.push({provider: each.kind.provider, error});
    }
  }
  const [failure] = failures;
  if (failure !== undefined && (backends.length === 0 || options.providers !== undefined)) {
    throw failure.error;
  }
  const digests = options.image === undefined ? (options.imageDigests ?? {}) : {};
  const images = await baseImageStates(ready, {home: options.home, digests});
  return {installation, backends, failures, images};
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
}: Omit<SetupNodeOptions, 'image' | 'imageDigests' | 'installation' | 'providers'>): Promise<void> {
  if (await stopDaemon(agentHome(options.home))) {
    progress('stopped the agent');
  }
  // Where no backend is there is nothing to take away.
  await using opened = await openBackends({...options, providers: undefined}, {mayBeNone: true});
  for (const {kind, driver} of opened.drivers) {
    progress(`removing workspaces, images, ${kind.makes} of installation ${opened.installation}`);
    await driver.purge();
  }
}
