import {isDeepStrictEqual} from 'node:util';
import type {Clock} from '../../api/effects/clock.ts';
import type {SshSession, SshSessionOptions} from './ssh-session.ts';
import {openSshSession} from './ssh-session.ts';

/** One ssh connection a node, shared by all that goes on there: the agent's protocol, streams, installing. */
export type SshPool = AsyncDisposable & {
  /** Made when there is none to that target. Throws SshError, or the signal's reason; an attempt that others wait for goes on. */
  lease(node: string, target: SshSessionOptions, signal: AbortSignal): Promise<SshLease>;
};

/** Disposing of it gives the connection back; programs that it started are the caller's to end. */
export type SshLease = SshSession & {
  /** It does not seem to be alive: nobody gets it any more. Those who have it keep it. */
  discard(): void;
};

export type SshPoolOptions = {
  readonly clock: Clock;
  readonly open?: typeof openSshSession;
};

/** Milliseconds that a connection which nobody uses is kept: long enough for an agent that is started anew. */
const idleTimeout = 10_000;

type Pooled = {
  readonly target: SshSessionOptions;
  readonly session: Promise<SshSession>;
  users: number;
  idle: Disposable | undefined;
};

export function createSshPool({clock, open = openSshSession}: SshPoolOptions): SshPool {
  const byNode = new Map<string, Pooled>();
  const all = new Set<Pooled>();
  const closing = new AbortController();

  const end = async (pooled: Pooled) => {
    pooled.idle?.[Symbol.dispose]();
    all.delete(pooled);
    const session = await pooled.session.catch(() => undefined);
    await session?.[Symbol.asyncDispose]();
  };
  const forget = (node: string, pooled: Pooled) => {
    if (byNode.get(node) === pooled) {
      byNode.delete(node);
    }
    if (pooled.users === 0) {
      void end(pooled);
    }
  };

  const connect = (node: string, target: SshSessionOptions): Pooled => {
    const pooled: Pooled = {
      target,
      session: open(target, closing.signal),
      users: 0,
      idle: undefined,
    };
    pooled.session.then(
      session => session.closed.addEventListener('abort', () => forget(node, pooled), {once: true}),
      () => forget(node, pooled),
    );
    byNode.set(node, pooled);
    all.add(pooled);
    return pooled;
  };

  return {
    async lease(node, target, signal) {
      signal.throwIfAborted();
      closing.signal.throwIfAborted();
      const present = byNode.get(node);
      const isFit = present !== undefined && isDeepStrictEqual(present.target, target);
      const pooled = isFit ? present : connect(node, target);
      if (present !== undefined && !isFit && present.users === 0) {
        void end(present);
      }
      pooled.users += 1;
      pooled.idle?.[Symbol.dispose]();
      let given = false;
      const release = () => {
        if (given) {
          return;
        }
        given = true;
        pooled.users -= 1;
        if (pooled.users === 0) {
          if (byNode.get(node) === pooled) {
            pooled.idle = clock.schedule(idleTimeout, () => forget(node, pooled));
          } else {
            void end(pooled);
          }
        }
      };
      try {
        const session = await unlessAborted(pooled.session, signal);
        return {
          ...session,
          discard: () => forget(node, pooled),
          [Symbol.asyncDispose]: async () => release(),
        };
      } catch (error) {
        release();
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      closing.abort(new Error('the server ends its ssh connections'));
      byNode.clear();
      await Promise.all([...all].map(end));
    },
  };
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, {once: true});
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
