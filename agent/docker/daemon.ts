import {execFile} from 'node:child_process';
import {readFile, statfs} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {z} from 'zod';
import type {Limits} from '../driver.ts';
import {DriverError} from '../driver.ts';
import type {Client} from './client.ts';

const run = promisify(execFile);

const info = z.object({
  ServerVersion: z.string(),
  NCPU: z.number(),
  MemTotal: z.number(),
  Driver: z.string(),
  DriverStatus: z.array(z.tuple([z.string(), z.string()])).nullable(),
  DockerRootDir: z.string(),
  SecurityOptions: z.array(z.string()).nullable(),
  MemoryLimit: z.boolean(),
  SwapLimit: z.boolean(),
  CpuCfsQuota: z.boolean(),
  PidsLimit: z.boolean(),
});

/** What is at the other end of the socket. */
export type Daemon = {
  readonly version: string;
  readonly cpus: number;
  readonly memory: number;
  /** Where it keeps containers, on its machine. */
  readonly root: string;
  /** Whether its storage can hold a container to a size when it is made, and change that later. */
  readonly quota: 'Changeable' | 'AtCreation' | 'None';
  /** Whether the files of a container are reached where it keeps them, as a move needs. */
  readonly hasLayers: boolean;
  /** What can't be guaranteed there, in words. */
  readonly remarks: readonly string[];
};

export async function readDaemon(client: Client): Promise<Daemon> {
  const found = await client.ask('GET', '/info', info);
  const quota = quotaOf(found);
  const hasLayers = /^(?:btrfs|overlay2)$/.test(found.Driver);
  const missing = [
    ...(found.MemoryLimit ? [] : ['memory']),
    ...(found.SwapLimit ? [] : ['swap']),
    ...(found.CpuCfsQuota ? [] : ['processors']),
    ...(found.PidsLimit ? [] : ['processes']),
  ];
  return {
    version: found.ServerVersion,
    cpus: found.NCPU,
    memory: found.MemTotal,
    root: found.DockerRootDir,
    quota,
    hasLayers,
    remarks: [
      ...(quota === 'None'
        ? [
            `workspaces have no disk limit: Docker's storage (${found.Driver}) can't hold them to one; put its data on btrfs`,
          ]
        : []),
      ...(hasLayers
        ? []
        : [
            `workspaces can't be moved away or here: Docker's storage (${found.Driver}) is not one of btrfs and overlay2`,
          ]),
      ...(missing.length === 0 ? [] : [`this kernel does not limit ${missing.join(', ')} of containers`]),
      ...((found.SecurityOptions ?? []).some(option => option.includes('userns'))
        ? []
        : [
            "root inside is the machine's own root, held by Docker's walls only: start dockerd with userns-remap",
          ]),
    ],
  };
}

/** overlay2 on xfs may be mounted without project quotas, which only shows when a container is made. */
function quotaOf({Driver, DriverStatus}: z.infer<typeof info>): Daemon['quota'] {
  if (Driver === 'btrfs') return 'Changeable';
  if (Driver === 'zfs') return 'AtCreation';
  const filesystem = DriverStatus?.find(([name]) => name === 'Backing Filesystem')?.[1];
  return Driver === 'overlay2' && filesystem === 'xfs' ? 'AtCreation' : 'None';
}

/** What Docker says when its storage turns out to have no quotas. */
export function isQuotaRefusal(error: unknown): boolean {
  return (
    error instanceof DriverError && /storage-opt|pquota|quota (?:is )?not supported/i.test(error.message)
  );
}

/** The folder of the node in which btrfs has all files of a container. Rejects with an error of the file system, such as for want of rights. */
export async function subvolumeOf({root}: Pick<Daemon, 'root'>, container: string): Promise<string> {
  const layer = await readFile(join(root, 'image/btrfs/layerdb/mounts', container, 'mount-id'), 'utf8');
  return join(root, 'btrfs/subvolumes', layer.trim());
}

/** Changes what a container may have of the disk, at once. Docker itself can't, so that the file system is asked. */
export async function setDiskLimit(daemon: Daemon, container: string, bytes: number): Promise<void> {
  try {
    await run('btrfs', ['qgroup', 'limit', String(bytes), await subvolumeOf(daemon, container)]);
  } catch (error) {
    throw new DriverError('Internal', 'the disk limit could not be changed', {cause: error});
  }
}

/** Bytes of memory that the machine itself, the daemon and the agent keep: a twentieth, at least a quarter of a gibibyte. */
const reservedFraction = 0.05;
const reservedMinimum = 2 ** 28;

/** What the machine has and what of it workspaces may have. The disk is that of Docker's data. */
export async function readCapacity({
  cpus,
  memory,
  root,
}: Daemon): Promise<{capacity: Limits; allocatable: Limits}> {
  const {bsize, blocks, bavail} = await statfs(root).catch(() => statfs('/'));
  const reserved = Math.max(reservedMinimum, Math.ceil(memory * reservedFraction));
  return {
    capacity: {cpus, memory, disk: blocks * bsize},
    allocatable: {cpus, memory: Math.max(0, memory - reserved), disk: bavail * bsize},
  };
}
