import type {Logger} from '../api/effects/logger.ts';
import {silentLogger} from '../api/effects/logger.ts';
import type {Provider} from '../api/v1alpha1/workspace.ts';
import type {OpenedDriver} from './open-drivers.ts';
import {openDrivers} from './open-drivers.ts';
import {providerKinds} from './provider-kinds.ts';
import {agentHome, ensureAgentHome, ensureInstallation, readAgentConfig} from './system/agent-home.ts';

export type OpenBackendsOptions = {
  /** `$NEXUS_HOME`. */
  readonly home: string;
  readonly installation?: string;
  /** All that are found when undefined. */
  readonly providers?: readonly Provider[] | undefined;
  readonly log?: Logger;
};

export type OpenedBackends = AsyncDisposable & {
  readonly installation: string;
  readonly drivers: readonly OpenedDriver[];
};

/** The drivers asked for, or those whose backend is there. */
export async function openBackends(
  {home: path, installation: given, providers, log = silentLogger}: OpenBackendsOptions,
  {mayBeNone = false} = {},
): Promise<OpenedBackends> {
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
