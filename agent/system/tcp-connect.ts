import type {Socket} from 'node:net';
import {createConnection} from 'node:net';
import {RefusedError} from '../probe.ts';

/**
 * A TCP connection with both directions apart, so that either side may end first. Rejects with RefusedError when nothing listens, and with the
 * signal's reason. Milliseconds of `patience` (3 s by default) bound the attempt: a lost SYN is only repeated after a second.
 */
export function connectTcp(
  address: string,
  port: number,
  options: {signal: AbortSignal; patience?: number},
): Promise<Socket> {
  const {signal, patience = 3000} = options;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = createConnection({
      host: address,
      port,
      allowHalfOpen: true,
      noDelay: true,
      timeout: patience,
    });
    const end = () => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off('timeout', onTimeout);
    };
    const fail = (error: unknown) => {
      end();
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    const onTimeout = () => fail(new Error(`${address} does not answer`));
    const onError = (error: NodeJS.ErrnoException) => {
      fail(
        error.code === 'ECONNREFUSED'
          ? new RefusedError(`nothing listens on port ${port}`, {cause: error})
          : new Error(`port ${port} can't be reached: ${error.message}`, {cause: error}),
      );
    };
    signal.addEventListener('abort', onAbort, {once: true});
    socket.once('error', onError);
    socket.once('timeout', onTimeout);
    socket.once('connect', () => {
      end();
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}
