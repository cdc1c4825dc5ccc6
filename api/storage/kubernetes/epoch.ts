import {isDeepStrictEqual} from 'node:util';
import {z} from 'zod';
import type {Clock} from '../../effects/clock.ts';
import type {Random} from '../../effects/random.ts';
import {apiVersion} from '../../v1alpha1/metadata.ts';
import type {StoreMark} from '../moving/store-mark.ts';
import {checkUsable} from '../moving/store-mark.ts';
import {isStorageError} from '../storage-error.ts';
import type {ApiResources} from './api-resources.ts';
import type {EpochSpec} from './internal-kinds.ts';
import {epochSpec, internalKinds} from './internal-kinds.ts';

/** The one object that says which server leads, and whether any may. */
export type EpochObject = {
  /** Without one, no server has begun yet and nothing was moved. */
  read(): Promise<EpochSpec | undefined>;
  /** The next epoch; others that do the same at once get others. Throws StoreNotUsable when no server may use this store. */
  next(signal?: AbortSignal): Promise<number>;
  /** Never gives out that one, or a lower one, from now on. */
  raise(epoch: number): Promise<void>;
  mark(mark: StoreMark): Promise<void>;
  /** The installation that the store is of; the given one, when it was of none. */
  claim(installation: string): Promise<string>;
};

const {plural} = internalKinds.Epoch;

/** The one object that counts. */
const name = 'nexus';

const schema = z.object({metadata: z.object({resourceVersion: z.string()}), spec: epochSpec});

type Found = z.infer<typeof schema> | undefined;

export function createEpochObject(
  api: ApiResources,
  {clock, random, place}: {clock: Clock; random: Random; place: string},
): EpochObject {
  /** By compare-and-swap. */
  const change = async (
    decide: (spec: EpochSpec | undefined) => EpochSpec,
    signal?: AbortSignal,
  ): Promise<EpochSpec> => {
    const given = signal === undefined ? {} : {signal};
    for (let attempt = 1; ; attempt += 1) {
      const known = await find(api, signal);
      const spec = decide(known?.spec);
      if (known !== undefined && isDeepStrictEqual(spec, known.spec)) {
        return spec;
      }

      const metadata = {name, ...(known && {resourceVersion: known.metadata.resourceVersion})};
      const body = {apiVersion, kind: 'Epoch', metadata, spec};
      try {
        await (known === undefined
          ? api.create(plural, body, given)
          : api.replace(plural, name, {body, ...given}));
        return spec;
      } catch (error) {
        const isRace = ['Conflict', 'AlreadyExists', 'NotFound'] as const;
        if (!isRace.some(code => isStorageError(error, code)) || attempt === 100) {
          throw error;
        }

        await clock.sleep(random.fraction() * 10 * Math.min(attempt, 10), signal);
      }
    }
  };

  return {
    read: async () => (await find(api))?.spec,
    async next(signal) {
      const {value} = await change(known => {
        checkUsable(known?.mark, place);
        // Seconds since 1970 at least, so that a store restored from a backup is not behind what its agents have seen.
        return {...known, value: Math.max((known?.value ?? 0) + 1, Math.floor(clock.now() / 1000))};
      }, signal);
      return value;
    },
    async raise(epoch) {
      await change(known => ({...known, value: Math.max(known?.value ?? 0, epoch)}));
    },
    async mark(mark) {
      await change(known => {
        const {installation, value = 0} = known ?? {};
        // What comes may be another's.
        const isKept = installation !== undefined && mark.phase !== 'Incoming';
        return {value, mark, ...(isKept ? {installation} : {})};
      });
    },
    async claim(installation) {
      const {installation: claimed} = await change(known => ({value: 0, installation, ...known}));
      return claimed ?? installation;
    },
  };
}

async function find(api: ApiResources, signal?: AbortSignal): Promise<Found> {
  try {
    return schema.parse(await api.get(plural, name, signal === undefined ? {} : {signal}));
  } catch (error) {
    if (isStorageError(error, 'NotFound')) {
      return undefined;
    }

    throw error;
  }
}
