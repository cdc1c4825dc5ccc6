import {join} from 'node:path';
import type {ProviderKind} from '../node-driver.ts';
import {firstSocket} from '../system/first-socket.ts';
import {createLxdDriver} from './driver.ts';

const usualPlaces = [
  '/run/incus/unix.socket',
  '/var/lib/incus/unix.socket',
  '/var/snap/lxd/common/lxd/unix.socket',
  '/var/lib/lxd/unix.socket',
];

/** Of both, Incus is looked for first: it starts instances in half the time. */
export const lxdKind: ProviderKind = {
  provider: 'lxc',
  title: 'LXD or Incus',
  makes: 'project, storage pool and bridge',
  imageForm: 'container',
  cure: 'Start it: hack/backend start, or systemctl start incus.',

  async find({config, env}) {
    const given = [env.INCUS_DIR, env.LXD_DIR].flatMap(folder =>
      folder ? [join(folder, 'unix.socket')] : [],
    );
    return config.socket ?? (await firstSocket([...given, ...usualPlaces]));
  },

  open: ({place, installation, clock, random, log}) =>
    createLxdDriver({socket: place, installation, clock, random, log}),
};
