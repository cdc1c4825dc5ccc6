import type {Clock} from '../../api/effects/clock.ts';
import type {Probe} from '../probe.ts';
import type {Entry} from './entry.ts';

/** Between the first attempts: what is lost at most between sshd's answer and our noticing. */
const quickInterval = 12;
/** How long attempts stay quick; a boot takes less. */
const quickPeriod = 10_000;
const slowInterval = 1000;
/**
 * An attempt that got no answer is given up and made again, since the kernel repeats a lost SYN only after a second. Each waits longer: in an
 * emulated machine an sshd that is up may take its time.
 */
const attemptTimeout = 1500;
const longestAttempt = 15_000;

/** Finds out when an instance's sshd first answers after a start. */
export type SshReadiness = {
  /** Begins to try at once, for an instance that is being started. */
  expect(entry: Entry): void;
  /** Follows what was observed: begins when it runs, starts anew when it was restarted, ends when it stops. */
  follow(entry: Entry): void;
  /** Ends all attempts: the start failed, or the instance is gone. */
  abandon(entry: Entry): void;
  stop(): void;
};

export type SshReadinessOptions = {
  readonly clock: Clock;
  readonly probe: Probe;
  readonly changed: (entry: Entry) => void;
};

type Attempt = {
  readonly abort: AbortController;
  readonly address: string;
  readonly port: number;
  startedAt: string | undefined;
};

const usualPort = 22;

export function createSshReadiness({clock, probe, changed}: SshReadinessOptions): SshReadiness {
  const attempts = new Map<string, Attempt>();

  const end = (entry: Entry) => {
    attempts.get(entry.uid)?.abort.abort();
    attempts.delete(entry.uid);
    entry.sshReady = false;
  };

  const begin = (entry: Entry, address: string, startedAt: string | undefined) => {
    end(entry);
    const port = entry.observed?.sshPort ?? usualPort;
    const attempt = {abort: new AbortController(), address, port, startedAt};
    attempts.set(entry.uid, attempt);
    void tryUntilReady(entry, attempt);
  };

  const tryUntilReady = async (entry: Entry, attempt: Attempt) => {
    const {signal} = attempt.abort;
    const began = clock.now();
    for (let timeout = attemptTimeout; !signal.aborted; timeout = Math.min(timeout * 1.2, longestAttempt)) {
      if (await answers(attempt, timeout)) {
        if (!signal.aborted) {
          entry.sshReady = true;
          changed(entry);
        }
        return;
      }
      const interval = clock.now() - began < quickPeriod ? quickInterval : slowInterval;
      await clock.sleep(interval, signal).catch(() => {});
    }
  };

  const answers = async ({abort, address, port}: Attempt, timeout: number): Promise<boolean> => {
    const late = new AbortController();
    using _ = clock.schedule(timeout, () => late.abort(new Error('no answer')));
    try {
      await probe.ssh(address, port, AbortSignal.any([abort.signal, late.signal]));
      return true;
    } catch {
      return false;
    }
  };

  return {
    expect(entry) {
      const address = entry.observed?.address;
      if (address !== undefined && entry.observed?.state !== 'Running') {
        begin(entry, address, undefined);
      }
    },

    follow(entry) {
      const {observed} = entry;
      const attempt = attempts.get(entry.uid);
      if (observed?.state === 'Running' && observed.address !== undefined) {
        if (
          attempt !== undefined &&
          attempt.address === observed.address &&
          attempt.startedAt === undefined
        ) {
          attempt.startedAt = observed.startedAt;
        } else if (attempt?.address !== observed.address || attempt.startedAt !== observed.startedAt) {
          begin(entry, observed.address, observed.startedAt);
        }
      } else if (observed === undefined || entry.operation?.kind !== 'Start') {
        end(entry);
      }
    },

    abandon: end,

    stop() {
      for (const {abort} of attempts.values()) {
        abort.abort();
      }
      attempts.clear();
    },
  };
}
