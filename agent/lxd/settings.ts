import type {Driver} from '../driver.ts';
import {isDriverError} from '../driver.ts';
import type {Client} from './client.ts';
import type {Config, Devices} from './instance-config.ts';
import {keysFile, limitConfig, marks} from './instance-config.ts';
import type {Found, Instances} from './instances.ts';
import type {Operations} from './operation.ts';

export type SettingsOptions = {
  readonly client: Client;
  readonly operations: Operations;
  readonly instances: Instances;
  readonly project: string;
};

export type Settings = Pick<Driver, 'retire' | 'restore' | 'setLimits' | 'setAuthorizedKeys'> & {
  /** Merges `config` into the instance's. An empty value takes the key off. */
  configure(uid: string, change: (found: Found) => {config: Config; devices?: Devices}): Promise<void>;
};

/** How often a change is tried again that somebody else's came in between of. */
const attempts = 5;

export function createSettings({client, operations, instances, project}: SettingsOptions): Settings {
  const configure: Settings['configure'] = async (uid, change) => {
    for (let count = 1; ; count++) {
      const found = await instances.need(uid);
      const body = change(found);
      if (isPresent(found, body)) return;

      try {
        const answer = await client.call('PATCH', `/1.0/instances/${encodeURIComponent(found.raw.name)}`, {
          query: {project},
          headers: found.etag === undefined ? {} : {'if-match': found.etag},
          body,
        });
        await operations.finish(answer);
        return;
      } catch (error) {
        if (!isDriverError(error, 'NotPermittedNow') || count === attempts) throw error;
        await operations.settle(found.raw.name);
      }
    }
  };

  return {
    configure,

    async retire(uid, {at, until}) {
      await configure(uid, () => ({config: {[marks.retiredAt]: at, [marks.retiredUntil]: until}}));
    },

    async restore(uid) {
      await configure(uid, () => ({config: {[marks.retiredAt]: '', [marks.retiredUntil]: ''}}));
    },

    async setLimits(uid, limits) {
      await configure(uid, ({raw}) => ({
        config: limitConfig(limits),
        devices: {...raw.devices, root: {...raw.devices.root, size: String(limits.disk)}},
      }));
    },

    async setAuthorizedKeys(uid, keys) {
      await configure(uid, () => ({config: {[marks.authorizedKeys]: keysFile(keys)}}));
    },
  };
}

function isPresent({raw}: Found, {config, devices}: {config: Config; devices?: Devices}): boolean {
  const sameConfig = Object.entries(config).every(([key, value]) => (raw.config[key] ?? '') === value);
  const sameRoot = devices === undefined || devices.root?.size === raw.devices.root?.size;
  return sameConfig && sameRoot;
}
