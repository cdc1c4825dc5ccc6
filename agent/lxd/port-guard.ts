import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import type {Logger} from '../../api/effects/logger.ts';
import {marks} from './instance-config.ts';
import type {RawInstance} from './observe.ts';

/** Tells the kernel which hardware address is behind a port of a bridge, and to believe nothing else that comes from there. */
export type BindPort = (port: string, hardwareAddress: string) => Promise<void>;

export type PortGuard = {
  /** To be shown each instance whenever it is looked at. Returns at once; what fails is logged, and done when it is shown again. */
  see(instance: RawInstance): void;
};

/**
 * A bridge learns where an address is from whoever uses it, before any filter is asked: what is for one instance would be sent to another one
 * that speaks in its name. So the bridge is told once, at each start, and learns nothing.
 */
export function createPortGuard({bind, log}: {bind: BindPort; log: Logger}): PortGuard {
  /** By uid: what was asked for last. */
  const bound = new Map<string, string>();
  return {
    see({config, devices}) {
      const uid = config[marks.uid] ?? '';
      const port = config['volatile.eth0.host_name'];
      const address = devices.eth0?.hwaddr;
      if (!port || !address) {
        bound.delete(uid);
        return;
      }

      const wanted = `${port} ${address}`;
      if (bound.get(uid) === wanted) {
        return;
      }

      bound.set(uid, wanted);
      bind(port, address).catch((error: unknown) => {
        log.warn({uid, port, error}, 'could not tell the bridge whose port this is');
        if (bound.get(uid) === wanted) {
          bound.delete(uid);
        }
      });
    },
  };
}

const run = promisify(execFile);

/** By iproute2, which an agent may use that runs as root. */
export const bindBridgePort: BindPort = async (port, address) => {
  const env = {PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`};
  await run('bridge', ['fdb', 'replace', address, 'dev', port, 'master', 'static', 'sticky'], {env});
  await run('bridge', ['link', 'set', 'dev', port, 'learning', 'off'], {env});
};
