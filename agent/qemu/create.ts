import {join, relative} from 'node:path';
import type {Random} from '../../api/effects/random.ts';
import type {CreateOptions} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {generateHostKey} from '../instances/host-key.ts';
import type {Image, Images} from './images.ts';
import {imageFiles} from './images.ts';
import type {Machine, MachineFolders} from './machine-folders.ts';
import {machineFiles} from './paths.ts';
import {runProgram} from './run-program.ts';
import {chooseSlot} from './slot.ts';

export type CreateDependencies = {
  readonly folders: MachineFolders;
  readonly images: Images;
  readonly installation: string;
  readonly random: Random;
  /** Of qemu-img. */
  readonly imageProgram: string;
};

/** Makes a machine's folder, unless it is there: its record, and a disk that holds what differs from the image's. */
export async function createMachine(
  {spec, hostKey}: CreateOptions,
  {folders, images, installation, random, imageProgram}: CreateDependencies,
  signal?: AbortSignal,
): Promise<Machine> {
  const present = await folders.find(spec.uid);
  if (present !== undefined) return present;

  const image = await images.find(spec.image);
  if (image === undefined) {
    throw new DriverError(
      'ImageNotFound',
      `the node has no image ${spec.image} for QEMU; it has what nexus agent setup --image FILE has imported`,
    );
  }
  const {limits} = spec;
  checkDisk(limits.disk, image);
  const others = await folders.list();
  const slot = chooseSlot(random, new Set(others.map(({record}) => record.address)));
  signal?.throwIfAborted();
  return await folders.add(spec.uid, async folder => {
    await makeDisk({folder, image, size: limits.disk, program: imageProgram});
    return {
      version: 1,
      uid: spec.uid,
      installation,
      specHash: spec.specHash,
      hostname: spec.name,
      image: image.digest,
      limits,
      env: spec.env,
      ...slot,
      hostKey: {...hostKey, publicKey: hostKey.publicKey.trim().split(/\s+/).slice(0, 2).join(' ')},
      agentKey: generateHostKey(),
      authorizedKeys: spec.authorizedKeys,
      inode: '',
    };
  });
}

function checkDisk(size: number, image: Image): void {
  if (size >= image.disk) return;

  const needed = Math.ceil(image.disk / 2 ** 20);
  throw new DriverError(
    'NoSpace',
    `a disk of ${Math.floor(size / 2 ** 20)} MiB can't hold the image, which takes ${needed} MiB`,
  );
}

type Disk = {
  readonly folder: string;
  readonly image: Image;
  readonly size: number;
  readonly program: string;
};

/** The image is named relative to the disk, so that all of it may be moved. */
async function makeDisk({folder, image, size, program}: Disk): Promise<void> {
  const backing = join(relative(folder, image.folder), imageFiles.disk);
  const {exitCode, stderr} = await runProgram(
    program,
    ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', backing, machineFiles.disk, String(size)],
    {directory: folder},
  );
  if (exitCode !== 0) {
    const code = /no space left/i.test(stderr) ? 'NoSpace' : 'Internal';
    throw new DriverError(code, `the disk could not be made: ${stderr.trim()}`);
  }
}
