import type {Duplex} from 'node:stream';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {Dial} from '../forwards/dial.ts';
import type {Entry} from './entry.ts';

/**
 * The ways into instances. From the moment on that one is to be stopped or deleted until that is over, nobody comes in, and whoever came by a connection
 * is out: only so does what is seen of it meanwhile stay true.
 */
export type Doors = {
  /** Aborted once the doors are shut. Throws AgentError NotPermittedNow while they are. */
  pass(uid: string): AbortSignal;
  /** Runs `enter`, by which somebody comes in, with a signal that is aborted when the doors are shut before it is done. Throws as `pass` does. */
  enter<T>(uid: string, enter: (shut: AbortSignal) => Promise<T>): Promise<T>;
  /** Resolves once nobody is on the way in any more. Rejects with the signal's reason. */
  cleared(uid: string, signal: AbortSignal): Promise<void>;
  /** The same dial, through the doors. */
  guard(dial: Dial): Dial;
  /** Told of each operation that begins or ends. */
  follow(entry: Entry): void;
};

/** Whether the instance is being stopped or deleted. */
export function isLeaving({operation}: Pick<Entry, 'operation'>): boolean {
  return operation?.kind === 'Stop' || operation?.kind === 'Delete';
}

export function createDoors(find: (uid: string) => Entry | undefined): Doors {
  /** By uid; only of those where somebody has gone in since they were shut last. */
  const open = new Map<string, AbortController>();

  /** By uid: those on their way in. */
  const entering = new Map<string, Set<Promise<unknown>>>();

  const refusal = () => new AgentError('NotPermittedNow', 'the workspace is being stopped');

  const pass = (uid: string): AbortSignal => {
    const entry = find(uid);
    if (entry !== undefined && isLeaving(entry)) {
      throw refusal();
    }
    const door = open.get(uid) ?? new AbortController();
    open.set(uid, door);
    return door.signal;
  };

  return {
    pass,

    async enter(uid, enter) {
      const shut = pass(uid);
      const late = new AbortController();
      const onShut = () => late.abort(shut.reason);
      shut.addEventListener('abort', onShut, {once: true});
      const inDoorway = entering.get(uid) ?? new Set();
      entering.set(uid, inDoorway);
      const done = enter(late.signal);
      inDoorway.add(done);
      try {
        return await done;
      } finally {
        shut.removeEventListener('abort', onShut);
        inDoorway.delete(done);
        if (inDoorway.size === 0 && entering.get(uid) === inDoorway) {
          entering.delete(uid);
        }
      }
    },

    async cleared(uid, signal) {
      signal.throwIfAborted();
      const ended = Promise.withResolvers<never>();
      const onAbort = () => ended.reject(signal.reason);
      signal.addEventListener('abort', onAbort, {once: true});
      try {
        await Promise.race([Promise.allSettled(entering.get(uid) ?? []), ended.promise]);
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },

    guard: dial => async (uid, port, signal) => {
      const shut = pass(uid);
      const stream = await dial(uid, port, AbortSignal.any([signal, shut]));
      endWith(stream, shut);
      return stream;
    },

    follow(entry) {
      if (isLeaving(entry)) {
        open.get(entry.uid)?.abort(refusal());
        open.delete(entry.uid);
      }
    },
  };
}

function endWith(stream: Duplex, shut: AbortSignal): void {
  const end = () => void stream.destroy();
  shut.addEventListener('abort', end, {once: true});
  stream.once('close', () => shut.removeEventListener('abort', end));
  if (shut.aborted) {
    end();
  }
}
