import type {Driver} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {provisionInstance} from '../provision-instance.ts';
import {marks} from './instance-config.ts';
import type {Instances} from './instances.ts';
import type {Settings} from './settings.ts';

export type ProvisionOptions = {
  readonly exec: Driver['exec'];
  readonly instances: Instances;
  readonly configure: Settings['configure'];
};

/** Name and keys come from the instance's own config, where they were put when it was made, so that whoever provisions it need not remember them. */
export function createProvision({exec, instances, configure}: ProvisionOptions): Driver['provision'] {
  return async (uid, signal) => {
    const {
      raw: {config},
    } = await instances.need(uid, signal);
    const hostKey = config[marks.hostKey];
    if (hostKey === undefined) {
      throw new DriverError('Internal', 'the instance has lost its host key; it must be made anew');
    }
    const account = await provisionInstance(exec, uid, {
      hostName: config[marks.hostname] ?? '',
      authorizedKeys: config[marks.authorizedKeys] ?? '',
      hostKey,
      signal,
    });
    await configure(uid, () => ({config: {[marks.provisioned]: account}}));
  };
}
