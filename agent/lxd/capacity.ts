import {z} from 'zod';
import type {Limits} from '../driver.ts';
import type {Client} from './client.ts';
import type {Names} from './names.ts';

const machine = z.object({cpu: z.object({total: z.number()}), memory: z.object({total: z.number()})});
const space = z.object({space: z.object({total: z.number().optional()})});

/** Bytes of memory that the machine itself, the backend and the agent keep: a twentieth, at least a quarter of a gibibyte. */
const reservedFraction = 0.05;
const reservedMinimum = 2 ** 28;

/** What the machine has and what of it workspaces may have. The disk is that of the pool. */
export async function readCapacity(
  client: Client,
  names: Names,
): Promise<{capacity: Limits; allocatable: Limits}> {
  const [{cpu, memory}, pool] = await Promise.all([
    client.get('/1.0/resources', machine),
    client.get(`/1.0/storage-pools/${names.pool}/resources`, space),
  ]);
  const capacity = {cpus: cpu.total, memory: memory.total, disk: pool.space.total ?? 0};
  const reserved = Math.max(reservedMinimum, Math.ceil(memory.total * reservedFraction));
  return {capacity, allocatable: {...capacity, memory: Math.max(0, memory.total - reserved)}};
}
