import type {Clock} from '../../effects/clock.ts';
import type {Logger} from '../../effects/logger.ts';
import type {Stored} from '../../v1alpha1/kinds.ts';
import {apiVersion} from '../../v1alpha1/metadata.ts';
import {isStorageError} from '../storage-error.ts';
import {ApiServerError} from './api-failure.ts';
import type {ApiResources} from './api-resources.ts';
import type {Reader} from './reader.ts';

/**
 * Shows what happens to Nexus's objects as Kubernetes' own Events, too, which `kubectl describe` ends with. They are copies for people: one that can't
 * be written is missing there, and no more; Kubernetes forgets them after an hour, while the store keeps its own.
 */
export type CoreEvents = AsyncDisposable & {
  /** Returns at once. The latest of several that wait for the same Event is the one that is written. */
  tell(event: Stored<'Event'>): void;
};

const plural = 'events';

/** Milliseconds until it is tried again where there are no such Events, or they may not be written. */
const pauseAfterRefusal = 600_000;

const maximumWaiting = 1000;
const maximumRemembered = 4096;

export function createCoreEvents({
  api,
  reader,
  namespace,
  clock,
  log,
}: {
  /** Of the core group. */
  api: Pick<ApiResources, 'create' | 'merge'>;
  reader: Pick<Reader, 'find'>;
  namespace: string;
  clock: Clock;
  log: Logger;
}): CoreEvents {
  const waiting = new Map<string, Stored<'Event'>>();
  /** The API server's uid of objects by Nexus's, which differ in what was restored or came from another store. */
  const uids = new Map<string, string>();
  let working: Promise<void> | undefined;
  let pausedUntil = 0;
  let closed = false;

  const apiUidOf = async ({kind, name, uid}: Stored<'Event'>['spec']['regarding']) => {
    if (uid !== undefined && uids.has(uid)) return uids.get(uid);
    if (kind !== 'Workspace' && kind !== 'Node' && kind !== 'User') return uid;

    const held = await reader.find(kind, name);
    if (held === undefined || (uid !== undefined && held.document.metadata.uid !== uid)) return uid;
    if (uids.size >= maximumRemembered) uids.clear();
    uids.set(held.document.metadata.uid, held.apiUid);
    return held.apiUid;
  };

  const write = async ({metadata: {name}, spec}: Stored<'Event'>) => {
    const {regarding, type, reason, message, count, firstTimestamp, lastTimestamp, actor} = spec;
    const changing = {message, count, lastTimestamp};
    const create = async () => {
      const uid = await apiUidOf(regarding);
      await api.create(plural, {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: {name, namespace},
        involvedObject: {
          apiVersion,
          kind: regarding.kind,
          namespace,
          name: regarding.name,
          ...(uid === undefined ? {} : {uid}),
        },
        type,
        reason,
        firstTimestamp,
        source: {component: `nexus/${actor}`},
        ...changing,
      });
    };
    const change = async () => void (await api.merge(plural, name, changing));
    const [first, second, isRace] =
      count === 1
        ? ([create, change, 'AlreadyExists'] as const)
        : // Kubernetes may have forgotten it.
          ([change, create, 'NotFound'] as const);
    await first().catch(async (error: unknown) => {
      if (!isStorageError(error, isRace)) throw error;
      await second();
    });
  };

  const work = async () => {
    for (const [name, event] of waiting) {
      if (closed || clock.now() < pausedUntil) break;
      waiting.delete(name);
      try {
        await write(event);
      } catch (error) {
        if (isRefusal(error)) {
          pausedUntil = clock.now() + pauseAfterRefusal;
          log.info(
            {err: error},
            'kubectl describe will not show what happens: its Events can not be written',
          );
        } else {
          log.debug({err: error, event: name}, 'An event is missing for kubectl describe');
        }
      }
    }
    waiting.clear();
    working = undefined;
  };

  return {
    tell(event) {
      if (closed || clock.now() < pausedUntil || waiting.size >= maximumWaiting) return;
      waiting.delete(event.metadata.name);
      waiting.set(event.metadata.name, event);
      working ??= work();
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await working;
    },
  };
}

/** There are no such Events, or this server may not write them. */
function isRefusal(error: unknown): boolean {
  return (
    isStorageError(error, 'Forbidden') ||
    isStorageError(error, 'NotFound') ||
    (error instanceof ApiServerError && error.code === 404)
  );
}
