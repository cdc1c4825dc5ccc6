import type {Clock} from '../../api/effects/clock.ts';
import type {Machine} from './machine-folders.ts';
import {machineFiles} from './paths.ts';
import type {Qmp} from './qmp.ts';
import {connectQmp} from './qmp.ts';

/** The connections to running machines: one each, since QEMU takes one at a time on a socket; made when first asked for and kept. */
export type Monitors = AsyncDisposable & {
  /** Rejects as {@link connectQmp}. */
  of(machine: Machine): Promise<Qmp>;
  /** Told of every event of every machine, and of the end of each. */
  onChange(listener: (uid: string) => void): Disposable;
};

export function createMonitors(clock: Clock): Monitors {
  const open = new Map<string, Promise<Qmp>>();
  const listeners = new Set<(uid: string) => void>();

  const tell = (uid: string) => {
    for (const listener of listeners) listener(uid);
  };

  const connect = async ({folder, record: {uid}}: Machine): Promise<Qmp> => {
    const qmp = await connectQmp({folder, socket: machineFiles.monitor, clock});
    qmp.onEvent(() => tell(uid));
    void qmp.closed.then(() => {
      open.delete(uid);
      tell(uid);
    });
    return qmp;
  };

  return {
    async of(machine) {
      const {uid} = machine.record;
      const present = open.get(uid);
      if (present !== undefined) return await present;

      const connecting = connect(machine);
      open.set(uid, connecting);
      try {
        return await connecting;
      } catch (error) {
        if (open.get(uid) === connecting) open.delete(uid);
        throw error;
      }
    },

    onChange(listener) {
      listeners.add(listener);
      return {[Symbol.dispose]: () => void listeners.delete(listener)};
    },

    async [Symbol.asyncDispose]() {
      listeners.clear();
      const connections = await Promise.allSettled(open.values());
      await Promise.all(
        connections.map(async result => {
          if (result.status === 'fulfilled') await result.value[Symbol.asyncDispose]();
        }),
      );
    },
  };
}
