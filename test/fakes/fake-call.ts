import type {Driver, Transfer} from '../../agent/driver.ts';
import {DriverError} from '../../agent/driver.ts';
import type {FakeBackend} from './fake-backend.ts';

export type FakeMethod =
  | Exclude<keyof Driver, 'provider' | 'events' | 'transfer' | typeof Symbol.asyncDispose>
  | keyof Omit<Transfer, 'format'>;

export type FakeCall = {readonly method: FakeMethod; readonly uid: string | undefined};

export type Intercept = <T>(call: FakeCall, run: () => Promise<T>) => Promise<T>;

export type Caller = <T>(call: FakeCall, action: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

/** The boundary of every call: interception, a backend that is down, giving up. */
export function createCaller(backend: FakeBackend, intercept?: Intercept): Caller {
  return async (call, action, signal) => {
    const {promise: abandoned, reject} = Promise.withResolvers<never>();
    abandoned.catch(() => {});
    const giveUp = () =>
      reject(new DriverError('TimedOut', `${call.method}: given up`, {cause: signal?.reason}));
    if (signal?.aborted) giveUp();
    signal?.addEventListener('abort', giveUp, {once: true});
    const run = async () => {
      if (backend.down) throw new DriverError('BackendUnavailable', 'the fake backend is down');
      return await action();
    };
    try {
      const outcome = intercept === undefined ? run() : intercept(call, run);
      return await Promise.race([outcome, abandoned]);
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  };
}
