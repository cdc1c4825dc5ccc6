import {statfs} from 'node:fs/promises';
import {availableParallelism, totalmem} from 'node:os';
import type {Limits} from '../driver.ts';

/** Bytes of memory that the machine itself and the agent keep: a twentieth, at least a quarter of a gibibyte. */
const reservedFraction = 0.05;
const reservedMinimum = 2 ** 28;

/** What the node has and what of it workspaces may have. The disk is the file system that machines are on. */
export async function readCapacity(folder: string): Promise<{capacity: Limits; allocatable: Limits}> {
  const {bsize, blocks, bavail} = await statfs(folder);
  const memory = totalmem();
  const cpus = availableParallelism();
  const reserved = Math.max(reservedMinimum, Math.ceil(memory * reservedFraction));
  return {
    capacity: {cpus, memory, disk: bsize * blocks},
    allocatable: {cpus, memory: Math.max(0, memory - reserved), disk: bsize * bavail},
  };
}
