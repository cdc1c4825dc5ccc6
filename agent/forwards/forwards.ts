import type {Forward} from '../../api/agent/v1alpha1/instance.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Entry} from '../instances/entry.ts';
import type {Dial} from './dial.ts';
import type {NodePort, NodePorts} from './node-ports.ts';
import {PortInUseError} from './node-ports.ts';

/** Ports of the node that lead into instances. They listen whether the instance runs or not. */
export type Forwards = AsyncDisposable & {
  /** The whole set of an instance: opens, closes, and tries again what failed before. Resolves once it is so; never rejects. */
  reconcile(entry: Entry, wanted: readonly Forward[]): Promise<void>;
  /** Closes all ports of these instances and opens them again, for they are to listen somewhere else. Never rejects. */
  reopen(entries: readonly Entry[]): Promise<void>;
  /** Ports that are ours. */
  own(): ReadonlySet<number>;
};

export type ForwardsOptions = {readonly ports: NodePorts; readonly dial: Dial; readonly log: Logger};

type Open = {readonly forward: Forward; readonly port: NodePort};

export function createForwards({ports, dial, log}: ForwardsOptions): Forwards {
  const open = new Map<string, readonly Open[]>();
  /** One change at a time for all instances, so that a port that moves from one to another is free before it is taken. */
  let tail = Promise.resolve();

  const reconcile = async (entry: Entry, wanted: readonly Forward[]) => {
    const before = open.get(entry.uid) ?? [];
    const kept = before.filter(({forward}) => wanted.some(other => sameForward(forward, other)));
    await Promise.all(
      before.filter(each => !kept.includes(each)).map(({port}) => port[Symbol.asyncDispose]()),
    );

    const now: Open[] = [];
    entry.forwards = [];
    for (const forward of wanted) {
      const existing = kept.find(each => sameForward(each.forward, forward));
      const result = existing ?? (await listen(entry.uid, forward));
      if ('port' in result) {
        now.push(result);
        entry.forwards = [...entry.forwards, {...forward, state: 'Listening'}];
      } else {
        entry.forwards = [...entry.forwards, {...forward, state: 'Failed', ...result}];
      }
    }
    if (now.length === 0) {
      open.delete(entry.uid);
    } else {
      open.set(entry.uid, now);
    }
  };

  const listen = async (uid: string, forward: Forward): Promise<Open | {message: string; inUse: boolean}> => {
    try {
      const port = await ports.listen(forward.nodePort, signal => dial(uid, forward.targetPort, signal));
      return {forward, port};
    } catch (error) {
      const inUse = error instanceof PortInUseError;
      const message = error instanceof Error ? error.message : String(error);
      log.warn({uid, forward, error}, 'a port of the node could not be opened');
      return {message, inUse};
    }
  };

  const inTurn = async (work: () => Promise<void>) => {
    const done = tail.then(work);
    tail = done.catch(error => log.error({error}, 'forwards could not be reconciled'));
    await tail;
  };

  return {
    reconcile: async (entry, wanted) => await inTurn(() => reconcile(entry, wanted)),

    async reopen(entries) {
      await inTurn(async () => {
        for (const entry of entries) {
          await reconcile(entry, []);
          await reconcile(entry, entry.record.forwards);
        }
      });
    },

    own: () => new Set([...open.values()].flatMap(each => each.map(({forward}) => forward.nodePort))),

    async [Symbol.asyncDispose]() {
      await tail;
      await Promise.all(
        [...open.values()].flatMap(each => each.map(({port}) => port[Symbol.asyncDispose]())),
      );
      open.clear();
    },
  };
}

function sameForward(a: Forward, b: Forward): boolean {
  return a.name === b.name && a.nodePort === b.nodePort && a.targetPort === b.targetPort;
}
