import type {Clock} from '../../api/effects/clock.ts';
import type {CreateOptions, Driver} from '../driver.ts';
import {isDriverError} from '../driver.ts';
import {canonicalName} from '../instance-name.ts';
import type {Client} from './client.ts';
import type {Containers} from './containers.ts';
import type {Images} from './images.ts';
import {labels} from './labels.ts';
import type {MakeContainer} from './make-container.ts';
import {rawContainer, toDriverInstance} from './observe.ts';

export type CreateDependencies = {
  readonly client: Client;
  readonly containers: Containers;
  readonly images: Images;
  readonly make: MakeContainer;
  readonly clock: Clock;
};

/** How often, and after how many milliseconds, it looks again after it came upon the name of a container that is being made or removed. */
const attempts = 50;
const retryInterval = 200;

export function createCreate({
  client,
  containers,
  images,
  make,
  clock,
}: CreateDependencies): Driver['create'] {
  const attempt = async (request: CreateOptions, signal?: AbortSignal) => {
    const {uid, image} = request.spec;
    const present = await containers.find(uid, signal);
    if (present !== undefined) return present;

    const source = await images.source(image, signal);
    await make(request, {name: canonicalName(uid), image: source}, signal);
    return await containers.need(uid, signal);
  };

  /** Whether the name is somebody else's: a container of ours that is being made has it, but isn't there yet. */
  const isForeign = async (uid: string, signal?: AbortSignal): Promise<boolean> => {
    const found = await client.find(`/containers/${canonicalName(uid)}/json`, rawContainer, {signal});
    return found !== undefined && found.Config.Labels?.[labels.uid] !== uid;
  };

  return async (request, signal) => {
    const {uid} = request.spec;
    for (let count = 1; ; count++) {
      try {
        return toDriverInstance(await attempt(request, signal));
      } catch (error) {
        if (signal?.aborted || count === attempts || !isDriverError(error, 'NotPermittedNow')) throw error;
        if (await isForeign(uid, signal)) throw error;
        await clock.sleep(retryInterval, signal ?? new AbortController().signal);
      }
    }
  };
}
