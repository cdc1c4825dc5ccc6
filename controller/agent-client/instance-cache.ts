import {isDeepStrictEqual} from 'node:util';
import type {Instance} from '../../api/agent/v1alpha1/instance.ts';

/**
 * What one node reported of its instances. Reports may come late, twice and in any order: of one instance, one that was observed earlier than what
 * is held changes nothing, nor does it bring back what is known to be gone.
 */
export type InstanceCache = {
  readonly instances: ReadonlyMap<string, Instance>;
  /** Whether anything but the time of observation changed. */
  take(instance: Instance): boolean;
  /** Call before a list is asked for: what is reported from here on may be missing in it. */
  beginList(): void;
  /** Removes what the list lacks, unless it was reported since {@link beginList}. */
  takeList(listed: readonly Instance[]): void;
  /** Another connection begins, perhaps to another agent, which numbers its reports anew. */
  forgetRevisions(): void;
  /** The node's clock was set back: what it reports next counts, whatever its time. */
  forgetTimes(): void;
};

export function createInstanceCache(): InstanceCache {
  const instances = new Map<string, Instance>();
  /** When the last report of each was observed, milliseconds since 1970; of those that are gone, until the next list. */
  const observedAt = new Map<string, number>();
  /** Of the last report of each on this connection, where the agent numbers them; kept as long as the time. */
  const revisions = new Map<string, number>();
  /** Reported since the last {@link beginList}. */
  const reported = new Set<string>();

  const take = (instance: Instance): boolean => {
    const {uid} = instance;
    const time = Date.parse(instance.observedAt);
    const isOlder =
      instance.revision === undefined || revisions.get(uid) === undefined
        ? time < (observedAt.get(uid) ?? Number.NEGATIVE_INFINITY)
        : instance.revision < (revisions.get(uid) ?? 0);
    if (isOlder) {
      return false;
    }
    observedAt.set(uid, time);
    if (instance.revision !== undefined) {
      revisions.set(uid, instance.revision);
    }
    reported.add(uid);
    if (isGone(instance)) {
      return instances.delete(uid);
    }
    const previous = instances.get(uid);
    instances.set(uid, instance);
    return previous === undefined || !sameButForTime(previous, instance);
  };

  return {
    instances,
    take,
    beginList() {
      reported.clear();
    },
    takeList(listed) {
      const present = new Set(listed.map(({uid}) => uid));
      for (const uid of observedAt.keys()) {
        if (!present.has(uid) && !reported.has(uid)) {
          instances.delete(uid);
          observedAt.delete(uid);
          revisions.delete(uid);
        }
      }
      for (const instance of listed) {
        take(instance);
      }
    },
    forgetRevisions() {
      revisions.clear();
    },
    forgetTimes() {
      observedAt.clear();
      for (const uid of instances.keys()) {
        observedAt.set(uid, Number.NEGATIVE_INFINITY);
      }
    },
  };
}

/** Whether nothing is to be known of it any more. One that could not be made is missing, but tells why. */
function isGone({state, lastError, operation, forwards}: Instance): boolean {
  return state === 'Missing' && lastError === undefined && operation === undefined && forwards.length === 0;
}

/** Times at which parts were looked at say nothing new when what was seen is the same. */
function sameButForTime(one: Instance, other: Instance): boolean {
  return isDeepStrictEqual(withoutTimes(one), withoutTimes(other));
}

function withoutTimes(instance: Instance) {
  return {
    ...instance,
    revision: undefined,
    observedAt: undefined,
    repository: instance.repository && {...instance.repository, observedAt: undefined},
    services: instance.services.map(service => ({...service, observedAt: undefined})),
  };
}
