import type {Duplex} from 'node:stream';
import {RefusedError} from '../probe.ts';
import type {Channel} from './channel.ts';

/** Of the ssh protocol: what was to be connected to did not take it. */
const connectFailed = 2;

/** A connection to a TCP port of the machine, on whichever of its addresses; no program is begun for it. Rejects with RefusedError. */
export async function dialInside({client}: Channel, port: number, signal: AbortSignal): Promise<Duplex> {
  signal.throwIfAborted();
  const {promise, resolve, reject} = Promise.withResolvers<Duplex>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, {once: true});
  client.forwardOut('127.0.0.1', 0, 'localhost', port, (error, channel) => {
    if (error !== undefined) {
      const isRefused = 'reason' in error && error.reason === connectFailed;
      reject(isRefused ? new RefusedError(`nothing listens on port ${port}`, {cause: error}) : error);
      return;
    }
    channel.on('error', () => {});
    if (signal.aborted) channel.destroy();
    resolve(channel);
  });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
