import type {Driver} from '../driver.ts';
import type {Client} from './client.ts';
import {keysFile, limitConfig} from './container-request.ts';
import type {Containers} from './containers.ts';
import type {Daemon} from './daemon.ts';
import {setDiskLimit} from './daemon.ts';
import {putKeys} from './files.ts';
import type {MarksStore} from './marks.ts';
import {hasRun, toDriverInstance} from './observe.ts';

export type SettingsOptions = {
  readonly client: Client;
  readonly containers: Containers;
  readonly marks: MarksStore;
  readonly daemon: () => Promise<Daemon>;
};

export type Settings = Pick<Driver, 'retire' | 'restore' | 'setLimits' | 'setAuthorizedKeys'>;

export function createSettings({client, containers, marks, daemon}: SettingsOptions): Settings {
  return {
    async retire(uid, retired) {
      const {id} = await containers.need(uid);
      await marks.change(uid, id, known => ({...known, retired}));
    },

    async restore(uid) {
      const {id} = await containers.need(uid);
      await marks.change(uid, id, ({retired: _, ...known}) => known);
    },

    async setLimits(uid, limits) {
      const container = await containers.need(uid);
      const present = toDriverInstance(container).limits;
      if (present.cpus !== limits.cpus || present.memory !== limits.memory) {
        await client.call('POST', `/containers/${container.id}/update`, {body: limitConfig(limits)});
      }
      if (present.disk !== limits.disk) {
        const found = await daemon();
        if (found.quota === 'Changeable') await setDiskLimit(found, container.id, limits.disk);
        await marks.change(uid, container.id, known => ({...known, disk: limits.disk}));
      }
    },

    async setAuthorizedKeys(uid, keys) {
      const container = await containers.need(uid);
      await marks.change(uid, container.id, known => ({...known, authorizedKeys: keysFile(keys)}));
      // One that never ran gets them before it does.
      if (hasRun(container)) await putKeys(client, container, keys);
    },
  };
}
