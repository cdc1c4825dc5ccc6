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
