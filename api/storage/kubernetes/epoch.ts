import {z} from 'zod';
import type {Clock} from '../../effects/clock.ts';
import type {Random} from '../../effects/random.ts';
import {apiVersion} from '../../v1alpha1/metadata.ts';
import {isStorageError} from '../storage-error.ts';
import type {ApiResources} from './api-resources.ts';
import {epochSpec, internalKinds} from './internal-kinds.ts';

const {plural} = internalKinds.Epoch;

/** The one object that counts. */
const name = 'nexus';

const schema = z.object({metadata: z.object({resourceVersion: z.string()}), spec: epochSpec});

/** The next epoch, by compare-and-swap on one object. Others that do the same at once get others. */
export async function nextEpoch(
  api: ApiResources,
  {clock, random}: {clock: Clock; random: Random},
): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const known = await find(api);
    // Seconds since 1970 at least, so that a store restored from a backup is not behind what its agents have seen.
    const value = Math.max((known?.spec.value ?? 0) + 1, Math.floor(clock.now() / 1000));
    const body = {
      apiVersion,
      kind: 'Epoch',
      metadata: {name, ...(known && {resourceVersion: known.metadata.resourceVersion})},
      spec: {value},
    };
    try {
      await (known === undefined ? api.create(plural, body) : api.replace(plural, name, {body}));
      return value;
    } catch (error) {
      const isRace = ['Conflict', 'AlreadyExists', 'NotFound'] as const;
      if (!isRace.some(code => isStorageError(error, code)) || attempt === 100) {
        throw error;
      }

      await clock.sleep(random.fraction() * 10 * Math.min(attempt, 10));
    }
  }
}

async function find(api: ApiResources): Promise<z.infer<typeof schema> | undefined> {
  try {
    return schema.parse(await api.get(plural, name));
  } catch (error) {
    if (isStorageError(error, 'NotFound')) {
      return undefined;
    }

    throw error;
  }
}
