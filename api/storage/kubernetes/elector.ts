import type {Clock} from '../../effects/clock.ts';
import type {Logger} from '../../effects/logger.ts';
import type {Random} from '../../effects/random.ts';
import {StoreNotUsable} from '../moving/store-mark.ts';
import {isStorageError} from '../storage-error.ts';
import type {Lead, Standing, Term} from '../term.ts';
import type {Lease, LeaseState} from './lease.ts';

/** Milliseconds. */
export type LeaseTimes = {
  /** Without a renewal, after which others may take the lease. */
  readonly duration: number;
  /** After the beginning of the latest renewal that succeeded, within which its holder acts. Less than `duration`, for clocks that differ in speed. */
  readonly deadline: number;
  /** Between renewals, and between looks of those that wait. */
  readonly retry: number;
};

/** As client-go's leader election has them. */
export const defaultLeaseTimes: LeaseTimes = {duration: 15_000, deadline: 10_000, retry: 2000};

/**
 * Those that wait look at random times, this part of `retry` apart at the least, so that they are not all at once. More often than with client-go, which waits for up to 2.2 times as
 * long: what a look is late by counts when the leader has died.
 */
const soonest = 0.5;

export type ElectorOptions = {
  readonly lease: Lease;
  /** Unique to this process. */
  readonly identity: string;
  /** Gives a number larger than any before. */
  readonly beginEpoch: (signal: AbortSignal) => Promise<number>;
  /** Called with the holder of the lease whenever this one looks; throws StoreNotUsable when it is none that this one should wait for. */
  readonly onHolder?: (holder: string) => void;
  readonly clock: Clock;
  /** Milliseconds of a clock that is never set: what is reckoned with. Clocks of two machines are never compared. */
  readonly elapsed: () => number;
  readonly random: Random;
  readonly log: Logger;
  readonly times?: LeaseTimes;
  readonly lead: Lead;
};

export type Elector = {
  /** Competes for the lease, and leads while it has it, until `signal`; then gives it back. Rejects with StoreNotUsable only. */
  run(signal: AbortSignal): Promise<void>;
  standing(): Standing;
};

/** The lease as it was when it was taken, or last renewed; and when that write began. */
type Held = {lease: LeaseState; renewedAt: number};

/**
 * One of those that compete. At most one of them leads at a time: others wait for `duration` after they have seen a renewal, which was after it began; its
 * holder stops acting `deadline` after it began.
 */
export function createElector(options: ElectorOptions): Elector {
  const {lease, identity, beginEpoch, clock, elapsed, random, log, times = defaultLeaseTimes, lead} = options;
  const {duration, deadline, retry} = times;
  let leading = false;
  let leader: string | undefined;
  let heardAt = Number.NEGATIVE_INFINITY;

  /** A connection that is dead without having said so must not outlast the lease: to give up ends it. */
  const inTime = async <T>(ask: (signal: AbortSignal) => Promise<T>, stopping?: AbortSignal): Promise<T> => {
    const abort = new AbortController();
    using _limit = clock.schedule(retry * 2, () => abort.abort(new Error('no answer in time')));
    const askedAt = elapsed();
    const answer = await ask(
      stopping === undefined ? abort.signal : AbortSignal.any([abort.signal, stopping]),
    );
    heardAt = askedAt;
    return answer;
  };

  const note = ({holder}: {readonly holder: string}) => {
    if (holder !== (leader ?? '')) {
      log.info({leader: holder === '' ? undefined : holder}, 'who leads has changed');
    }

    leader = holder === '' ? undefined : holder;
  };

  const take = async (
    known: LeaseState | undefined,
    stopping: AbortSignal,
  ): Promise<Held & {epoch: number}> => {
    // After the lease was seen to be free, and before it is taken on what was seen: so whoever comes later has a later one, and whoever fails uses none.
    const epoch = await inTime(beginEpoch, stopping);
    stopping.throwIfAborted();
    const renewedAt = elapsed();
    const taken = await inTime(signal =>
      lease.write(known, {holder: identity, duration, now: clock.now()}, signal),
    );
    return {lease: taken, renewedAt, epoch};
  };

  /** Undefined once `signal` is aborted. */
  const acquire = async (signal: AbortSignal): Promise<(Held & {epoch: number}) | undefined> => {
    let seen: {readonly version: string; readonly since: number} | undefined;
    let failures = 0;
    while (!signal.aborted) {
      let wait = retry * (soonest + random.fraction() * (1 - soonest));
      try {
        const present = await inTime(lease.read, signal);
        failures = 0;
        // After the answer: it may have been renewed until then.
        const now = elapsed();
        note(present ?? {holder: ''});
        options.onHolder?.(present?.holder ?? '');
        if (present !== undefined && seen?.version !== present.version) {
          seen = {version: present.version, since: now};
        }

        const left =
          present === undefined || seen === undefined || ['', identity].includes(present.holder)
            ? 0
            : seen.since + Math.max(duration, present.duration) - now;
        if (left <= 0) {
          return await take(present, signal);
        }

        wait = Math.min(wait, left);
      } catch (error) {
        if (error instanceof StoreNotUsable) {
          throw error;
        }

        if (!isRace(error) && !signal.aborted) {
          failures += 1;
          log[failures === 1 ? 'warn' : 'debug'](
            {err: error},
            'can not ask for the right to lead; tries again',
          );
        }
      }

      await clock.sleep(wait, signal).catch(() => undefined);
    }

    return undefined;
  };

  /** Until `lead` is done. Resolves to whether the lease is still this one's. */
  const hold = async ({epoch, ...held}: Held & {epoch: number}, stopping: AbortSignal): Promise<boolean> => {
    const over = new AbortController();
    const done = new AbortController();
    const late = () => over.abort(new Error('the lease could not be renewed in time: another may lead'));
    let limit: Disposable | undefined;
    const renewed = () => {
      limit?.[Symbol.dispose]();
      limit = clock.schedule(held.renewedAt + deadline - elapsed(), late);
    };
    const term: Term = {
      epoch,
      signal: over.signal,
      check() {
        if (elapsed() - held.renewedAt >= deadline) {
          late();
        }

        over.signal.throwIfAborted();
      },
    };

    const renew = async () => {
      const startedAt = elapsed();
      try {
        held.lease = await inTime(signal =>
          lease.write(held.lease, {holder: identity, duration, now: clock.now()}, signal),
        );
        held.renewedAt = startedAt;
        if (!done.signal.aborted) {
          renewed();
        }
      } catch (error) {
        const present = isRace(error) ? await inTime(lease.read).catch(() => held.lease) : held.lease;
        if (present?.holder === identity) {
          log.warn({err: error}, 'the lease could not be renewed; tries again');
          // A renewal may have been made though its answer was lost.
          held.lease = present;
        } else {
          note(present ?? {holder: ''});
          over.abort(new Error(`another leads: ${leader ?? 'the lease was taken away'}`));
        }
      }
    };
    const renewing = async () => {
      const end = AbortSignal.any([over.signal, done.signal]);
      while (!end.aborted) {
        await clock.sleep(retry, end).catch(() => undefined);
        if (!end.aborted) {
          await renew();
        }
      }
    };

    renewed();
    leading = true;
    note({holder: identity});
    const renewals = renewing();
    try {
      log.info({epoch}, 'leads');
      await lead(term, stopping);
    } catch (error) {
      log.error({err: error, epoch}, 'can not lead');
    } finally {
      leading = false;
      done.abort();
      limit?.[Symbol.dispose]();
    }

    await renewals;
    log.info({epoch, reason: messageOf(over.signal.reason ?? stopping.reason)}, 'does not lead any more');
    return !over.signal.aborted;
  };

  return {
    standing: () => ({leading, leader, heard: elapsed() - heardAt < deadline}),
    async run(signal) {
      while (!signal.aborted) {
        const taken = await acquire(signal);
        if (taken === undefined) {
          return;
        }

        if (elapsed() - taken.renewedAt >= deadline) {
          continue;
        }

        if (!(await hold(taken, signal)) && !signal.aborted) {
          continue;
        }

        // Nothing acts here any more, and the next one need not wait. If it can't be given back it ends by itself.
        await inTime(async limit => {
          const present = await lease.read(limit);
          if (present?.holder === identity) {
            await lease.write(present, {holder: '', duration, now: clock.now()}, limit);
          }
        }).catch((error: unknown) => log.debug({err: error}, 'the lease could not be given back'));
        leader = undefined;
        // Whoever can't lead lets others try.
        await clock.sleep(duration, signal).catch(() => undefined);
      }
    },
  };
}

/** Whether another was faster. */
function isRace(error: unknown): boolean {
  return (['Conflict', 'AlreadyExists', 'NotFound'] as const).some(code => isStorageError(error, code));
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : 'it is done';
}
