import type {Clock} from '../../effects/clock.ts';
import type {Logger} from '../../effects/logger.ts';
import {StoreNotUsable} from '../moving/store-mark.ts';
import {isStorageError} from '../storage-error.ts';
import type {Lease, LeaseState} from './lease.ts';

/** The right to do with a store what no server may see half done. */
export type ServerLease = AsyncDisposable & {
  /** Rejects when the lease is lost: another may have it. */
  readonly lost: Promise<never>;
};

/** What the names of those begin with that hold the lease to move the store. */
export const mover = 'nexus store on ';

/** Throws StoreNotUsable when the holder of the lease is no server, but moves the store: what servers write meanwhile would be lost. */
export function checkNotMoving(holder: string, place: string): void {
  if (holder.startsWith(mover)) {
    throw new StoreNotUsable(
      `The store ${place} is being moved by ${holder}: no server may use it meanwhile`,
      'Departing',
    );
  }
}

export type LeaseTimes = {
  /** Milliseconds without a renewal after which others may take it. */
  readonly duration: number;
  /** Between renewals. */
  readonly renewal: number;
};

/** As client-go's leader election has them. */
const defaultTimes: LeaseTimes = {duration: 15_000, renewal: 2000};

/** Parts of a lease's duration within which a renewal must have succeeded for its holder to go on: less than one, for clocks that differ in speed. */
const deadline = 2 / 3;

/** Parts of a lease's duration within which those that wait for it have looked at it: twice what they take at the most. */
const others = 2 * (2 / 15);

/**
 * Takes the Lease `nexus-server` of the namespace. Waits for one whose holder has stopped renewing it, and then until servers that do not lead have seen it;
 * throws when its holder has not. What counts is how long nothing was seen to change, by the clock here: clocks of two machines are never compared.
 */
export async function takeServerLease({
  lease,
  identity,
  place,
  clock,
  elapsed,
  log,
  times = defaultTimes,
  signal: waiting,
}: {
  lease: Lease;
  /** Unique to this process. */
  identity: string;
  /** Of the store, for people. */
  place: string;
  clock: Clock;
  /** Milliseconds of a clock that is never set: what is reckoned with. */
  elapsed: () => number;
  log: Logger;
  times?: LeaseTimes;
  /** Gives up waiting for it. */
  signal?: AbortSignal;
}): Promise<ServerLease> {
  /** A connection that is dead without having said so must not outlast the lease: to give up ends it. */
  const inTime = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const abort = new AbortController();
    using _limit = clock.schedule(times.renewal * 2, () => abort.abort(new Error('no answer in time')));
    return await work(abort.signal);
  };
  const write = (known: LeaseState | undefined, holder: string) =>
    inTime(signal => lease.write(known, {holder, duration: times.duration, now: clock.now()}, signal));

  /** Milliseconds that a lease lasts: its holder may have been given other times. */
  const longest = ({duration}: LeaseState) => Math.max(times.duration, duration);

  const take = async (): Promise<{state: LeaseState; before: LeaseState | undefined}> => {
    let seen: {state: LeaseState; since: number} | undefined;
    for (;;) {
      const present = await lease.read(waiting ?? new AbortController().signal);
      const holder = present?.holder ?? '';
      const isSame = seen?.state.version === present?.version;
      if (present !== undefined && seen !== undefined && !isSame && holder !== '') {
        throw new Error(
          `The store ${place} is in use by ${holder}. Stop that server first, or give this one another namespace.`,
        );
      }

      if (present === undefined || holder === '' || (seen && elapsed() - seen.since >= longest(seen.state))) {
        try {
          return {state: await write(present, identity), before: present};
        } catch (error) {
          if (!isStorageError(error, 'Conflict') && !isStorageError(error, 'AlreadyExists')) {
            throw error;
          }
        }
      } else if (seen === undefined) {
        seen = {state: present, since: elapsed()};
        log.info({holder}, 'waits whether another server still uses this store');
      }

      await clock.sleep(Math.min(1000, times.renewal / 2), waiting);
    }
  };

  let {state, before} = await take();
  const stopping = new AbortController();
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => undefined);
  const giveUp = () =>
    lost.reject(new Error(`the store ${place} could not be told in time that this server still runs`));
  let limit = clock.schedule(times.duration * deadline, giveUp);
  const renewed = () => {
    limit[Symbol.dispose]();
    limit = clock.schedule(times.duration * deadline, giveUp);
  };

  const renew = async () => {
    while (!stopping.signal.aborted) {
      await clock.sleep(times.renewal, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) {
        return;
      }

      try {
        state = await write(state, identity);
        renewed();
      } catch (error) {
        const present = isStorageError(error)
          ? await inTime(signal => lease.read(signal)).catch(() => undefined)
          : undefined;
        if (present !== undefined && present.holder !== identity) {
          lost.reject(new Error(`another server (${present.holder}) took over the store ${place}`));
          return;
        }

        state = present ?? state;
        log.warn({err: error}, 'the lease of the store could not be renewed; tries again');
      }
    }
  };
  const renewing = renew();
  const held: ServerLease = {
    lost: lost.promise,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      limit[Symbol.dispose]();
      await renewing;
      // For the next server not to have to wait. If it can't be given back it ends by itself.
      await write(state, '').catch((error: unknown) => {
        log.debug({err: error}, 'the lease of the store could not be given back');
      });
    },
  };
  // Servers that do not lead look at the lease from time to time, and end when they see this one's.
  if (before !== undefined) {
    try {
      await clock.sleep(others * longest(before), waiting);
    } catch (error) {
      await held[Symbol.asyncDispose]();
      throw error;
    }
  }

  return held;
}
