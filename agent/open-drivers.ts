import {join} from 'node:path';
import {systemClock} from '../api/effects/clock.ts';
import type {Logger} from '../api/effects/logger.ts';
import {systemRandom} from '../api/effects/random.ts';
import type {ProviderKind} from './node-driver.ts';
import type {PresentDriver} from './present-driver.ts';
import {createPresentDriver} from './present-driver.ts';
import {providerKinds} from './provider-kinds.ts';
import type {AgentConfig, AgentHome} from './system/agent-home.ts';
import {configOf} from './system/agent-home.ts';

export type OpenedDriver = {
  readonly kind: ProviderKind;
  readonly driver: PresentDriver;
  /** Whether the configuration names it, so that its absence is worth telling. */
  readonly named: boolean;
};

export type OpenDriversOptions = {
  readonly home: AgentHome;
  readonly config: AgentConfig;
  readonly installation: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
};

/**
 * A driver for each provider that this machine may offer: those that the configuration names, or else every one, whose backend may be there or
 * appear later. Each has been looked for once. Whoever calls disposes of the drivers.
 */
export async function openDrivers({
  home,
  config,
  installation,
  env,
  log,
}: OpenDriversOptions): Promise<readonly OpenedDriver[]> {
  const opened = providerKinds.flatMap((kind): readonly OpenedDriver[] => {
    const own = configOf(config, kind.provider);
    if (own === undefined) {
      return [];
    }
    const driver = createPresentDriver({
      kind,
      clock: systemClock,
      find: () => kind.find({config: own, env}),
      open(place) {
        log.info({provider: kind.provider, place}, 'found a backend');
        const folder = join(home.folder, kind.provider);
        return kind.open({place, installation, folder, clock: systemClock, random: systemRandom, log});
      },
    });
    return [{kind, driver, named: config.providers?.[kind.provider] !== undefined}];
  });
  await Promise.all(opened.map(({driver}) => driver.look()));
  return opened;
}
