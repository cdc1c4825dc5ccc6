import type {Clock} from '../../api/effects/clock.ts';
import {DriverError} from '../driver.ts';
import type {Channel} from './channel.ts';
import {openChannel} from './channel.ts';
import type {Killer} from './killer.ts';
import {createKiller} from './killer.ts';
import type {Machine} from './machine-folders.ts';
import type {MachineProcess} from './machine-process.ts';
import {processOf} from './machine-process.ts';

/** The ways into running machines: one connection each, for all that is done inside; made when first needed. */
export type Way = Channel & {readonly killer: Killer};

export type Channels = AsyncDisposable & {
  /** Waits while the machine boots. Throws DriverError: TimedOut when the signal is aborted, BackendUnavailable when the machine ends. */
  /** An open one. */
  at(address: string): Promise<Way> | undefined;
  of(machine: Machine, process: MachineProcess, signal?: AbortSignal): Promise<Way>;
};

type Open = {
  readonly address: string;
  readonly start: number;
  readonly ending: AbortController;
  readonly channel: Promise<Way>;
};

/** Milliseconds that a machine may take to boot, emulated and beside others. */
const bootPatience = 300_000;
/** Between looks whether it still runs. */
const lookInterval = 500;

export function createChannels(clock: Clock): Channels {
  const open = new Map<string, Open>();

  /** A machine that ends, or stops answering, ends the wait for it. */
  const watch = async ({id, start}: MachineProcess, ending: AbortController) => {
    const until = clock.now() + bootPatience;
    while (!ending.signal.aborted) {
      if ((await processOf(id))?.start !== start) {
        ending.abort(new DriverError('BackendUnavailable', 'the machine has ended'));
      } else if (clock.now() > until) {
        ending.abort(new DriverError('TimedOut', 'the machine does not come up'));
      }
      await clock.sleep(lookInterval, ending.signal).catch(() => {});
    }
  };

  const begin = ({record}: Machine, process: MachineProcess): Open => {
    const ending = new AbortController();
    void watch(process, ending);
    const opening = openChannel({record, clock, signal: ending.signal}).then(channel => ({
      ...channel,
      killer: createKiller(channel),
    }));
    const entry = {address: record.address, start: process.start, ending, channel: opening};
    const forget = () => {
      ending.abort(new DriverError('BackendUnavailable', 'the connection into the machine has ended'));
      if (open.get(record.uid) === entry) open.delete(record.uid);
    };
    opening.then(
      ({client, closed}) => {
        ending.signal.addEventListener('abort', () => client.destroy(), {once: true});
        if (ending.signal.aborted) client.destroy();
        void closed.then(forget);
      },
      () => forget(),
    );
    return entry;
  };

  return {
    at: address => [...open.values()].find(each => each.address === address)?.channel,

    async of(machine, process, signal) {
      const {uid} = machine.record;
      const present = open.get(uid);
      if (present !== undefined && present.start !== process.start) {
        present.ending.abort(new DriverError('BackendUnavailable', 'the machine was started anew'));
      }
      const entry = present?.start === process.start ? present : begin(machine, process);
      open.set(uid, entry);

      const given = Promise.withResolvers<never>();
      const onAbort = () =>
        given.reject(
          new DriverError('TimedOut', 'waiting for the machine to boot was given up', {
            cause: signal?.reason,
          }),
        );
      if (signal?.aborted) onAbort();
      signal?.addEventListener('abort', onAbort, {once: true});
      try {
        return await Promise.race([entry.channel, given.promise]);
      } catch (error) {
        const {reason} = entry.ending.signal;
        throw !signal?.aborted && reason instanceof DriverError ? reason : error;
      } finally {
        signal?.removeEventListener('abort', onAbort);
      }
    },

    async [Symbol.asyncDispose]() {
      const channels = [...open.values()].map(({ending, channel}) => {
        ending.abort(new DriverError('BackendUnavailable', 'the agent is stopping'));
        return channel.then(({closed}) => closed).catch(() => {});
      });
      await Promise.all(channels);
    },
  };
}
