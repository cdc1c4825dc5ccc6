import {access, constants} from 'node:fs/promises';
import {delimiter, join} from 'node:path';
import type {ProviderKind} from '../node-driver.ts';
import {createQemuDriver} from './driver.ts';

const programName = 'qemu-system-x86_64';

const usualFolders = ['/usr/bin', '/usr/local/bin', '/usr/libexec'];

/** There is no daemon: where the program is, machines can be. Its image is for x86-64 alone. */
export const qemuKind: ProviderKind = {
  provider: 'qemu',
  title: 'QEMU',
  makes: 'folder of machines',
  imageForm: 'machine',
  cure: 'Install it: apt-get install qemu-system-x86 qemu-utils.',

  async find({env}) {
    if (process.arch !== 'x64' || process.platform !== 'linux') return undefined;

    for (const folder of [...(env.PATH ?? '').split(delimiter), ...usualFolders]) {
      const path = join(folder, programName);
      const isThere =
        folder !== '' &&
        (await access(path, constants.X_OK).then(
          () => true,
          () => false,
        ));
      if (isThere) return path;
    }
    return undefined;
  },

  open: ({place, installation, folder, clock, random, log}) =>
    createQemuDriver({program: place, installation, folder, clock, random, log}),
};
