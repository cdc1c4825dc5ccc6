import {createHash} from 'node:crypto';
import type {Clock} from '../effects/clock.ts';
import {timestampAt} from '../effects/clock.ts';
import type {Logger} from '../effects/logger.ts';
import {silentLogger} from '../effects/logger.ts';
import type {Event} from '../v1alpha1/event.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import {apiVersion} from '../v1alpha1/metadata.ts';
import type {Storage} from './storage.ts';
import {isStorageError} from './storage-error.ts';

/** Something that happened. */
export type Occurrence = {
  readonly regarding: {readonly kind: string; readonly name: string; readonly uid?: string};
  readonly type: 'Normal' | 'Warning';
  /** One CamelCase word for programs. */
  readonly reason: string;
  /** For people; cut after 1,024 characters. */
  readonly message: string;
  /** Who did it; the recorder's component by default. */
  readonly actor?: string;
  readonly requestId?: string;
};

export type EventRecorder = {
  /**
   * Resolves once the Event is stored, or given up. Never rejects: an Event that can't be stored is logged, since it
   * must not fail what it tells of.
   */
  record(occurrence: Occurrence): Promise<void>;
};

export type EventRecorderOptions = {
  readonly storage: Pick<Storage, 'get' | 'create' | 'update'>;
  readonly clock: Clock;
  /** The default actor: `controller`, `api`, `agent`. */
  readonly component: string;
  readonly log?: Logger;
};

/** As client-go: what is repeated within this time, in milliseconds, is counted on the same Event. */
const aggregationWindow = 600_000;

/** As client-go: more messages than these, for one object and reason in that time, become one Event with the latest. */
const distinctMessages = 10;

const combinedPrefix = '(combined from similar events): ';
const maximumMessage = 1024;
const maximumPending = 1000;
const maximumRemembered = 4096;

/** Records what happens as Event resources: repeats are counted, and nothing grows without bound. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const {storage, clock, component, log = silentLogger} = options;
  /** The last write of each aggregate, so that two never count past each other. */
  const pending = new Map<string, Promise<void>>();
  let waiting = 0;
  let dropped = 0;
  const combine = createCombiner(clock);

  /** Of each aggregate, the Event that it was counted on last. */
  const names = new Map<string, string>();

  const repeat = async (existing: Stored<'Event'>, {message, requestId}: Occurrence, now: string) => {
    await storage.update('Event', {
      ...existing,
      spec: {
        ...existing.spec,
        message,
        count: existing.spec.count + 1,
        lastTimestamp: now,
        ...(requestId === undefined ? {} : {requestId}),
      },
    });
  };

  const store = async (occurrence: Occurrence) => {
    const now = clock.now();
    const key = aggregateKey(occurrence);
    const known = names.get(key);
    const last = known === undefined ? undefined : await getIfThere(storage, known);
    if (last !== undefined && last.spec.lastTimestamp >= timestampAt(now - aggregationWindow)) {
      await repeat(last, occurrence, timestampAt(now));
      return;
    }

    const name = eventName(occurrence, now);
    remember(names, key, name);
    try {
      await storage.create('Event', newEvent(occurrence, {now: timestampAt(now), name}));
    } catch (error) {
      if (!isStorageError(error, 'AlreadyExists')) throw error;
      // By another recorder, or by this one before a restart.
      await repeat(await storage.get('Event', name), occurrence, timestampAt(now));
    }
  };

  const attempt = async (occurrence: Occurrence) => {
    try {
      await store(occurrence).catch(async (error: unknown) => {
        // It was changed or expired between reading and writing.
        if (!isStorageError(error, 'Conflict') && !isStorageError(error, 'NotFound')) {
          throw error;
        }

        await store(occurrence);
      });
    } catch (error) {
      log.error({err: error, ...occurrence}, 'An event could not be stored');
    }
  };

  return {
    async record(given) {
      if (waiting >= maximumPending) {
        dropped += 1;
        log.warn({...given, dropped}, 'An event was dropped: too many wait to be stored');
        return;
      }

      const occurrence = combine({
        ...given,
        actor: given.actor ?? component,
        message: given.message.slice(0, maximumMessage),
      });
      const key = aggregateKey(occurrence);
      const previous = pending.get(key) ?? Promise.resolve();
      const turn = previous.then(() => attempt(occurrence));
      pending.set(key, turn);
      waiting += 1;
      await turn;
      waiting -= 1;
      if (pending.get(key) === turn) {
        pending.delete(key);
      }
    },
  };
}

/** Replaces messages of an object and reason that keep changing (attempt 1, attempt 2 …) by one that can be counted. */
function createCombiner(clock: Clock): (occurrence: Occurrence) => Occurrence {
  const groups = new Map<string, {since: number; readonly messages: Set<string>}>();
  return occurrence => {
    const key = JSON.stringify([identity(occurrence), occurrence.type, occurrence.reason, occurrence.actor]);
    const known = groups.get(key);
    const group =
      known !== undefined && clock.now() - known.since < aggregationWindow
        ? known
        : {since: clock.now(), messages: new Set<string>()};
    remember(groups, key, group);
    if (group.messages.size < distinctMessages || group.messages.has(occurrence.message)) {
      group.messages.add(occurrence.message);
      return occurrence;
    }

    return {...occurrence, message: `${combinedPrefix}${occurrence.message}`.slice(0, maximumMessage)};
  };
}

/** Keeps what was asked for last. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= maximumRemembered) break;
    map.delete(oldest);
  }
}

async function getIfThere(
  storage: EventRecorderOptions['storage'],
  name: string,
): Promise<Stored<'Event'> | undefined> {
  try {
    return await storage.get('Event', name);
  } catch (error) {
    if (isStorageError(error, 'NotFound')) return undefined;
    throw error;
  }
}

type Aggregated = Omit<Occurrence, 'regarding' | 'actor' | 'requestId'> & {
  readonly regarding: {readonly kind: string; readonly name: string; readonly uid?: string | undefined};
  readonly actor?: string | undefined;
};

function aggregateKey({regarding, type, reason, actor, message}: Aggregated): string {
  const counted = message.startsWith(combinedPrefix) ? combinedPrefix : message;
  return JSON.stringify([identity({regarding}), type, reason, actor, counted]);
}

function identity({regarding: {kind, name, uid}}: Pick<Aggregated, 'regarding'>): readonly unknown[] {
  return uid === undefined ? [kind, name] : [kind, name, uid];
}

function newEvent(occurrence: Occurrence, {name, now}: {name: string; now: string}): Event {
  const {regarding, type, reason, message, actor, requestId} = occurrence;
  return {
    apiVersion,
    kind: 'Event',
    metadata: {name},
    spec: {
      regarding,
      type,
      reason,
      message,
      actor: actor ?? '',
      ...(requestId === undefined ? {} : {requestId}),
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
    },
  };
}

/**
 * The object's name and 16 hexadecimal digits: at most 63 characters, a valid name whatever the object is called. It is the same for the same
 * aggregate in the same window of time, so that nobody has to search for it among many.
 */
function eventName(occurrence: Occurrence, time: number): string {
  const prefix = occurrence.regarding.name
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .replace(/^-+/, '')
    .slice(0, 46);
  const window = Math.floor(time / aggregationWindow);
  const digest = createHash('sha256')
    .update(`${aggregateKey(occurrence)}${window}`)
    .digest('hex');
  return `${prefix === '' ? 'event' : prefix}-${digest.slice(0, 16)}`;
}
