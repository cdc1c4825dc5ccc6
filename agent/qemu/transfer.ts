import {lstat, mkdir, open, rename, rm, statfs} from 'node:fs/promises';
import {join} from 'node:path';
import {z} from 'zod';
import type {Random} from '../../api/effects/random.ts';
import {formatBytes} from '../../api/v1alpha1/quantity.ts';
import type {DriverInstance, ImportOptions, Transfer} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {generateHostKey} from '../instances/host-key.ts';
import {bootOf} from './boot.ts';
import {runImageProgram} from './image-program.ts';
import type {Images} from './images.ts';
import {imageFiles} from './images.ts';
import type {Machine, MachineFolders} from './machine-folders.ts';
import {wrapped} from './machine-folders.ts';
import type {MachineRecord} from './machine-record.ts';
import {machineRecord} from './machine-record.ts';
import {machineFiles} from './paths.ts';
import {chooseSlot} from './slot.ts';
import {packFiles, unpackFiles} from './tar-stream.ts';

export type TransferOptions = {
  readonly folders: MachineFolders;
  readonly images: Images;
  readonly installation: string;
  readonly random: Random;
  /** Of qemu-img. */
  readonly imageProgram: string;
  readonly look: (machine: Machine) => Promise<DriverInstance>;
  /** One change at a time on a machine. */
  readonly changing: <T>(uid: string, work: () => Promise<T>) => Promise<T>;
  /** Bytes that can still be written to the file system that the folder is on; looked up by default. */
  readonly freeIn?: (folder: string) => Promise<number>;
};

/** The disk as it travels, and what boots it: that fits to the modules on the disk, whatever image the other node has. */
const rawDisk = 'disk.raw';
const bootFiles = [imageFiles.kernel, imageFiles.initrd];

/**
 * Bytes of a kernel or an initrd, which QEMU reads whole at each start. Those of hack/build-image have 14 and 3 MiB; an initrd of Debian or Ubuntu with all
 * modules has about 80.
 */
const largestBootFile = 128 * 2 ** 20;

/** Bytes that an export leaves to others on its file system. */
const spared = 64 * 2 ** 20;

/** What `qemu-img measure` says of a disk. */
const measured = z.object({required: z.int()});

/** What a machine is beside its files. The rest of its record is given anew, as is the key of the agent's own way in. */
const attributes = machineRecord.pick({
  specHash: true,
  hostname: true,
  image: true,
  limits: true,
  env: true,
  hostKey: true,
  authorizedKeys: true,
});

/**
 * A machine travels as a tarball of its whole disk, raw and without holes, its image's part too, with kernel and initrd. A raw disk is nothing but content:
 * what arrives names no other file to QEMU, and what is made of it here is no larger than it may be.
 */
export function createTransfer(options: TransferOptions): Transfer {
  const {folders, images, installation, random, imageProgram, look, changing, freeIn = freeSpace} = options;
  const run = async (folder: string, args: readonly string[], signal: AbortSignal) =>
    await runImageProgram({
      program: imageProgram,
      args,
      folder,
      purpose: 'its disk could not be copied',
      signal,
    });

  /** Throws NoSpace when the disk, raw, might not fit into the folder: a file system that is full stops all machines on it. */
  async function checkRoom(folder: string, disk: string, signal: AbortSignal): Promise<void> {
    // As a disk of its own kind: all its content, also what is in the image that it began as, or compressed, without holes. That of a raw one counts them.
    const args = ['measure', '--output', 'json', '-f', 'qcow2', '-O', 'qcow2', disk];
    const {required} = measured.parse(JSON.parse(await run(folder, args, signal)));
    const free = await freeIn(folder);
    if (free < required + spared) {
      const message = `to copy its disk takes up to ${formatBytes(required + spared)}, and ${formatBytes(free)} are free on the node`;
      throw new DriverError('NoSpace', message);
    }
  }

  /** Removes an earlier copy. Throws NotPermittedNow where there is a machine that is none. */
  async function clear(uid: string): Promise<void> {
    const present = await folders.find(uid);
    if (present === undefined) return;
    if (present.record.incoming === undefined) {
      throw new DriverError('NotPermittedNow', `${present.name} is there already, and is no copy`);
    }
    await folders.remove(present);
  }

  async function takeIn(folder: string, {content, ...asked}: ImportOptions, signal: AbortSignal) {
    const sent = attributesIn(asked);
    const limits = asked.limits ?? sent.limits;
    const arrived = join(folder, 'arrived');
    const boot = join(folder, machineFiles.boot);
    await mkdir(arrived, {mode: 0o700});
    await mkdir(boot, {mode: 0o700});
    await unpackFiles(content, {folder: arrived, names: [rawDisk, ...bootFiles], signal});
    for (const name of [rawDisk, ...bootFiles]) await checkPlain(join(arrived, name));
    for (const name of bootFiles) await checkBootFile(join(arrived, name), name);
    for (const name of bootFiles) await rename(join(arrived, name), join(boot, name));

    const {size} = await lstat(join(arrived, rawDisk));
    if (size > limits.disk) {
      const message = `its disk has ${formatBytes(size)}, and it may have ${formatBytes(limits.disk)} here`;
      throw new DriverError('NoSpace', message);
    }
    const raw = join('arrived', rawDisk);
    await run(folder, ['convert', '-q', '-f', 'raw', '-O', 'qcow2', raw, machineFiles.disk], signal);
    await rm(arrived, {recursive: true});
    if (size < limits.disk) {
      await run(folder, ['resize', '-q', '-f', 'qcow2', machineFiles.disk, String(limits.disk)], signal);
    }
    await flush(join(folder, machineFiles.disk));
    return {...sent, limits};
  }

  return {
    format: 'qemu-raw-disk',

    async export(uid, signal) {
      return await changing(uid, async () => {
        const machine = await folders.need(uid);
        const {state} = await look(machine);
        if (state !== 'Stopped') {
          const message = `${machine.name} is ${state}: only what is stopped can be exported`;
          throw new DriverError('NotPermittedNow', message);
        }
        const boot = (await bootOf(machine, images)).folder;
        const {record} = machine;
        const scratch = await folders.scratch();
        try {
          const disk = join(machine.folder, machineFiles.disk);
          await checkRoom(scratch.folder, disk, signal);
          await run(scratch.folder, ['convert', '-q', '-f', 'qcow2', '-O', 'raw', disk, rawDisk], signal);
          const content = packFiles([
            {folder: scratch.folder, name: rawDisk},
            ...bootFiles.map(name => ({folder: boot, name})),
          ]);
          content.once('close', () => void scratch.remove());
          return {attributes: {machine: JSON.stringify(attributes.parse(record))}, content};
        } catch (error) {
          await scratch.remove();
          throw error;
        }
      });
    },

    async import(asked, signal) {
      const {uid, mark, content} = asked;
      return await changing(uid, async () => {
        try {
          await clear(uid);
          const machine = await folders.add(uid, async folder => {
            const taken = await takeIn(folder, asked, signal);
            const others = await folders.list();
            const slot = chooseSlot(random, new Set(others.map(({record}) => record.address)));
            const record: MachineRecord = {
              ...taken,
              ...slot,
              version: 1,
              uid,
              installation,
              agentKey: generateHostKey(),
              ownBoot: true,
              moved: true,
              incoming: {mark},
              inode: '',
            };
            return record;
          });
          return await look(machine);
        } finally {
          content.destroy();
        }
      });
    },

    async accept(uid) {
      await changing(uid, async () => {
        await folders.change(uid, ({incoming: _, ...record}) => record);
      });
    },
  };
}

function attributesIn({attributes: sent}: Pick<ImportOptions, 'attributes'>): z.infer<typeof attributes> {
  try {
    return attributes.parse(JSON.parse(sent.machine ?? ''));
  } catch (error) {
    throw new DriverError('Internal', 'what arrived is no machine of Nexus', {cause: error});
  }
}

/** A link, which a tarball may hold as well, would lead to whatever else is on the node. */
async function checkPlain(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isFile() !== true || found.nlink !== 1) {
    throw new DriverError(
      'Internal',
      'what arrived is no machine of Nexus: a file of it is missing, or none',
    );
  }
}

async function checkBootFile(path: string, name: string): Promise<void> {
  const {size} = await lstat(path);
  if (size > largestBootFile) {
    const message = `its ${name} has ${formatBytes(size)}, and may have ${formatBytes(largestBootFile)}`;
    throw new DriverError('Internal', message);
  }
}

async function freeSpace(folder: string): Promise<number> {
  const {bsize, bavail} = await statfs(folder);
  return bsize * bavail;
}

/** Resolves once the disk of the node has it: its source may be removed soon. */
async function flush(path: string): Promise<void> {
  try {
    await using file = await open(path, 'r+');
    await file.sync();
  } catch (error) {
    throw wrapped(error, `${path} can't be written`);
  }
}
