import {silentLogger} from '../../../../api/effects/logger.ts';
import type {Elector, LeaseTimes} from '../../../../api/storage/kubernetes/elector.ts';
import {createElector} from '../../../../api/storage/kubernetes/elector.ts';
import type {Lease, LeaseState} from '../../../../api/storage/kubernetes/lease.ts';
import {StorageError} from '../../../../api/storage/storage-error.ts';
import type {Term} from '../../../../api/storage/term.ts';
import type {SeededRandom} from '../../../simulation/seeded-random.ts';
import type {VirtualClock} from '../../../simulation/virtual-clock.ts';
import {sleepOn} from '../../../simulation/virtual-clock.ts';

/** One that competes, and what goes wrong with it. */
export type Replica = {
  readonly name: string;
  readonly elector: Elector;
  /** Whether it may act now, as it believes. */
  mayAct(): boolean;
  /** Nothing of it happens until this moment of the world's time: it stands still, or its machine does. */
  pauseUntil(time: number): void;
  /** Nothing passes between it and the API server. */
  cut: boolean;
  /** Ends it in good order. */
  stop(): void;
  readonly stopped: Promise<void>;
};

export type ElectionWorld = {
  readonly replicas: readonly Replica[];
  readonly lease: () => LeaseState | undefined;
  /** Epochs of all terms, in the order in which they began. */
  readonly terms: readonly {readonly name: string; readonly epoch: number}[];
  /** Chance that a message is lost on its way there, or the answer on its way back. */
  loss: number;
};

/**
 * Several electors on one lease. Each has a clock that differs in speed and in what it shows, and messages that take their time and are lost; and each may be
 * paused: its timers then fire late, all at once, with its work in between.
 */
export function createElectionWorld({
  names,
  clock,
  random,
  times,
  speeds,
}: {
  names: readonly string[];
  clock: VirtualClock;
  random: SeededRandom;
  times: LeaseTimes;
  /** Of each one's clock. */
  speeds: readonly number[];
}): ElectionWorld {
  let state: LeaseState | undefined;
  let version = 0;
  let epochs = 0;
  const terms: {name: string; epoch: number}[] = [];
  const world = {loss: 0};

  const serverLease: Omit<Lease, 'read'> & {read(): LeaseState | undefined} = {
    read: () => state,
    async write(known, {holder, duration}) {
      if (known?.version !== state?.version) {
        throw new StorageError('Conflict', 'the lease has changed');
      }

      version += 1;
      state = {
        version: String(version),
        holder,
        duration,
        acquireTime: undefined,
        transitions: (state?.transitions ?? 0) + (state?.holder === holder ? 0 : 1),
      };
      return state;
    },
  };

  const createReplica = (name: string, speed: number): Replica => {
    let pausedUntil = 0;
    const skew = random.fraction() * 1e9;
    // What happens in it while it is paused happens when it goes on.
    const awake = async () => {
      while (clock.now() < pausedUntil) {
        await clock.sleep(pausedUntil - clock.now());
      }
    };
    const schedule = (milliseconds: number, callback: () => void): Disposable => {
      let disposed = false;
      const timer = clock.schedule(milliseconds / speed, () => {
        void awake().then(() => {
          if (!disposed) callback();
        });
      });
      return {
        [Symbol.dispose]() {
          disposed = true;
          timer[Symbol.dispose]();
        },
      };
    };
    const elapsed = () => clock.now() * speed + skew;
    const own = {
      now: () => Math.floor(elapsed()),
      schedule,
      sleep: (milliseconds: number, signal?: AbortSignal) => sleepOn(schedule, milliseconds, signal),
    };
    /** What is sent arrives even though nobody waits for it any more. */
    const call = <T>(work: () => T | Promise<T>, signal?: AbortSignal): Promise<T> =>
      new Promise((resolve, reject) => {
        const onAbort = () => reject(signal?.reason);
        signal?.addEventListener('abort', onAbort, {once: true});
        if (replica.cut || random.fraction() < world.loss) {
          return;
        }

        const settle = (answer: () => void) => {
          if (replica.cut || random.fraction() < world.loss) {
            return;
          }

          clock.schedule(random.fraction() * 50, () => void awake().then(answer));
        };
        const delay = random.fraction() < 0.05 ? random.fraction() * times.duration : random.fraction() * 50;
        clock.schedule(delay, () => {
          void (async () => work())().then(
            value => settle(() => resolve(value)),
            (error: unknown) => settle(() => reject(error)),
          );
        });
      });

    let term: Term | undefined;
    const stopping = new AbortController();
    const elector = createElector({
      identity: name,
      lease: {
        read: signal => call(serverLease.read, signal),
        write: (known, next, signal) => call(() => serverLease.write(known, next, signal), signal),
      },
      beginEpoch: signal =>
        call(() => {
          epochs += 1;
          return epochs;
        }, signal),
      clock: own,
      elapsed,
      random,
      log: silentLogger,
      times,
      async lead(given, until) {
        term = given;
        terms.push({name, epoch: given.epoch});
        const end = AbortSignal.any([given.signal, until]);
        await own.sleep(1e12, end).catch(() => undefined);
        // Some need a while to let go of everything.
        await own.sleep(random.fraction() * 500);
        term = undefined;
      },
    });
    const replica: Replica = {
      name,
      elector,
      mayAct() {
        if (clock.now() < pausedUntil) {
          return false;
        }

        try {
          term?.check();
          return term !== undefined;
        } catch {
          return false;
        }
      },
      pauseUntil(time) {
        pausedUntil = time;
      },
      cut: false,
      stop: () => stopping.abort(),
      stopped: elector.run(stopping.signal),
    };
    return replica;
  };

  return {
    replicas: names.map((name, index) => createReplica(name, speeds[index] ?? 1)),
    lease: () => state,
    terms,
    get loss() {
      return world.loss;
    },
    set loss(value) {
      world.loss = value;
    },
  };
}
