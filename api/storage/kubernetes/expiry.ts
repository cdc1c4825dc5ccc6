import {z} from 'zod';
import type {Clock} from '../../effects/clock.ts';
import {timestampAt} from '../../effects/clock.ts';
import {kinds} from '../../v1alpha1/kinds.ts';
import type {Retention} from '../retention.ts';
import {isStorageError} from '../storage-error.ts';
import type {ApiResources} from './api-resources.ts';
import {internalKinds} from './internal-kinds.ts';

const named = z.object({metadata: z.object({name: z.string()})});
const event = named.extend({spec: z.object({type: z.string(), lastTimestamp: z.string()})});
const tombstone = named.extend({spec: z.object({deletedAt: z.string()})});

/** Requests that are under way at a time. */
const width = 8;

/** Deletes Events that are too old or too many, and what is remembered of what has been gone for long. Resolves to how many went. */
export async function expire(
  {api, clock}: {api: ApiResources; clock: Clock},
  retention: Retention,
): Promise<{readonly events: number; readonly tombstones: number}> {
  const before = (age: number) => timestampAt(clock.now() - age);
  const events = (await all(api, kinds.Event.plural))
    .map(item => event.parse(item))
    .sort((a, b) => (a.spec.lastTimestamp < b.spec.lastTimestamp ? 1 : -1));
  const oldEvents = events.filter(
    ({spec}, index) =>
      index >= retention.events ||
      spec.lastTimestamp < before(spec.type === 'Warning' ? retention.warningEvents : retention.normalEvents),
  );
  const tombstones = (await all(api, internalKinds.Tombstone.plural))
    .map(item => tombstone.parse(item))
    .filter(({spec}) => spec.deletedAt < before(retention.deleted));
  await removeAll(api, kinds.Event.plural, oldEvents);
  await removeAll(api, internalKinds.Tombstone.plural, tombstones);
  return {events: oldEvents.length, tombstones: tombstones.length};
}

/** Everything of a kind, in pieces. */
export async function all(api: ApiResources, plural: string): Promise<unknown[]> {
  const items: unknown[] = [];
  let next: string | undefined;
  do {
    const list = await api.list(plural, {limit: '500', continue: next});
    items.push(...list.items);
    next = list.continue;
  } while (next !== undefined);
  return items;
}

async function removeAll(
  api: ApiResources,
  plural: string,
  objects: readonly z.infer<typeof named>[],
): Promise<void> {
  const left = [...objects];
  const work = async () => {
    for (let object = left.pop(); object !== undefined; object = left.pop()) {
      await api.remove(plural, object.metadata.name).catch((error: unknown) => {
        if (!isStorageError(error, 'NotFound')) {
          throw error;
        }
      });
    }
  };
  await Promise.all(Array.from({length: width}, work));
}
