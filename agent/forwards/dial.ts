import type {Duplex} from 'node:stream';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Guest} from '../guest/guest.ts';
import type {Registry} from '../instances/registry.ts';
import {RefusedError} from '../probe.ts';

/** Milliseconds that a connection waits for an instance, or its sshd, that is just starting: `ssh` right after `apply` then works. */
const patience = 10_000;
const retryInterval = 20;
/** An attempt that is not answered by then is made again: the kernel repeats a SYN that was lost, as to a container without its address yet, only after a second. */
const attemptTimeout = 250;

/** As users of a workspace know it; where its driver reaches its sshd by another one, that is dialled. */
const sshPort = 22;

/** Connects to an address that the node can reach. Rejects with RefusedError when nothing listens there. */
export type Connect = (address: string, port: number, signal: AbortSignal) => Promise<Duplex>;

/** A byte stream to a TCP port of an instance, also one that listens on the instance's loopback only. Rejects with AgentError. */
export type Dial = (uid: string, port: number, signal: AbortSignal) => Promise<Duplex>;

export type DialOptions = {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly connect: Connect;
  readonly guest: Guest;
};

export function createDial({clock, registry, connect, guest}: DialOptions): Dial {
  const running = (uid: string): {address: string; port: number} | undefined => {
    const observed = registry.find(uid)?.observed;
    return observed?.state === 'Running' && observed.address !== undefined
      ? {address: observed.address, port: observed.sshPort ?? sshPort}
      : undefined;
  };

  const coming = (uid: string): boolean => {
    const entry = registry.find(uid);
    const kind = entry?.operation?.kind;
    return (
      kind === 'Create' ||
      kind === 'Start' ||
      entry?.observed?.state === 'Running' ||
      entry?.record.started === false
    );
  };

  const attemptSsh = async (
    {address, port}: {address: string; port: number},
    signal: AbortSignal,
  ): Promise<Duplex> => {
    const late = new AbortController();
    using _ = clock.schedule(attemptTimeout, () => late.abort(new Error(`${address} does not answer`)));
    return await connect(address, port, AbortSignal.any([signal, late.signal]));
  };

  const dialSsh = async (uid: string, signal: AbortSignal): Promise<Duplex> => {
    const until = clock.now() + patience;
    for (;;) {
      const sshd = running(uid);
      try {
        if (sshd !== undefined) {
          return await attemptSsh(sshd, signal);
        }
      } catch (error) {
        signal.throwIfAborted();
        if (clock.now() >= until) {
          throw new AgentError('NotPermittedNow', 'its sshd does not answer', {cause: error});
        }
      }
      if (clock.now() >= until || !coming(uid)) {
        throw new AgentError('NotPermittedNow', 'the workspace is not running');
      }
      await clock.sleep(retryInterval, signal);
    }
  };

  return async (uid, port, signal) => {
    if (port === sshPort) {
      return await dialSsh(uid, signal);
    }
    const address = running(uid)?.address;
    if (address === undefined) {
      throw new AgentError('NotPermittedNow', 'the workspace is not running');
    }
    try {
      return await connect(address, port, signal);
    } catch (error) {
      if (error instanceof RefusedError) {
        return await guest.connect(uid, port);
      }
      throw new AgentError('NotPermittedNow', `port ${port} of the workspace can't be reached`, {
        cause: error,
      });
    }
  };
}
