import type {Clock} from '../effects/clock.ts';
import {systemClock} from '../effects/clock.ts';
import type {Random} from '../effects/random.ts';
import {systemRandom} from '../effects/random.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';
import {ApiError, isApiError} from './api-error.ts';
import type {ListQuery, ResourceClient} from './resource-client.ts';

export type ResourceChange<K extends ServedKind> =
  /** All there is now; replaces whatever was known. First, and again whenever changes may have been missed. */
  | {readonly type: 'Listed'; readonly items: readonly Stored<K>[]}
  | {readonly type: 'Added' | 'Modified' | 'Deleted'; readonly object: Stored<K>}
  /** What is known grows old from now on. */
  | {readonly type: 'Disconnected'; readonly error: ApiError; readonly retryAfter: number}
  /** Changes flow again, none was missed. */
  | {readonly type: 'Connected'};

export type FollowOptions = Pick<ListQuery, 'labelSelector' | 'fieldSelector'> & {
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  readonly random?: Random;
};

/** Milliseconds: doubled from the first to the last, with jitter of half. */
const firstDelay = 250;
const lastDelay = 10_000;

/**
 * All resources of a kind and then their changes, for as long as the signal lets it: resumes where a lost connection left off, lists again
 * when that is no longer possible. Ends when the signal is aborted. Throws ApiError only for what trying again can't
 * mend: a bad token, a selector that is refused.
 */
export async function* follow<K extends ServedKind>(
  client: Pick<ResourceClient, 'list' | 'watch'>,
  kind: K,
  {signal, clock = systemClock, random = systemRandom, ...selectors}: FollowOptions,
): AsyncIterable<ResourceChange<K>> {
  let resourceVersion: string | undefined;
  let failures = 0;
  while (!signal.aborted) {
    try {
      if (resourceVersion === undefined) {
        const listed = await client.list(kind, {...selectors, signal});
        resourceVersion = listed.resourceVersion;
        yield {type: 'Listed', items: listed.items};
      }

      // The first event, a bookmark at the latest, proves the connection.
      for await (const event of client.watch(kind, {...selectors, resourceVersion, signal})) {
        if (failures > 0) {
          failures = 0;
          yield {type: 'Connected'};
        }

        if (event.type === 'BOOKMARK') {
          ({resourceVersion} = event);
        } else {
          ({resourceVersion} = event.object.metadata);
          yield {type: changeType[event.type], object: event.object};
        }
      }
    } catch (error) {
      if (signal.aborted) {
        return;
      }

      if (isApiError(error, 'Expired')) {
        resourceVersion = undefined;
        continue;
      }

      if (!isPassing(error)) {
        throw error;
      }

      const delay = Math.min(lastDelay, firstDelay * 2 ** failures);
      const retryAfter = Math.round(delay * (0.5 + random.fraction() / 2));
      failures += 1;
      yield {type: 'Disconnected', error, retryAfter};
      await clock.sleep(retryAfter, signal).catch(() => undefined);
    }
  }
}

const changeType = {ADDED: 'Added', MODIFIED: 'Modified', DELETED: 'Deleted'} as const;

function isPassing(error: unknown): error is ApiError {
  return error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500);
}
