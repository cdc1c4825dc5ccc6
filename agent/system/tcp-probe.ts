import type {Duplex} from 'node:stream';
import type {Probe} from '../probe.ts';

export type ProbeConnect = (
  address: string,
  port: number,
  options: {signal: AbortSignal; patience?: number},
) => Promise<Duplex>;

/** Milliseconds; inside one machine an address that exists answers at once. */
const sshPatience = 100;

/** Milliseconds that a checked service gets to close its side. */
const goodbye = 1000;

const longestHead = 8192;

/** Looks by connections that `connect` makes; rejects as that does. */
export function createTcpProbe(connect: ProbeConnect): Probe {
  return {
    async ssh(address, port, signal) {
      const socket = await connect(address, port, {signal, patience: sshPatience});
      await readHead(socket, {complete: /^SSH-2\.0-[^\n]*\n/m, signal});
    },

    async tcp(address, port, signal) {
      const socket = await connect(address, port, {signal});
      socket.on('error', () => {});
      partFriendly(socket);
    },

    async http(address, {port, path}, signal) {
      const socket = await connect(address, port, {signal});
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nUser-Agent: nexus\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
      );
      const [, status] = await readHead(socket, {complete: /^HTTP\/1\.[01] (\d{3})/, signal});
      return Number(status);
    },
  };
}

/** The beginning of what the other side sends, as far as `complete` needs it. */
function readHead(
  socket: Duplex,
  {complete, signal}: {complete: RegExp; signal: AbortSignal},
): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let head = '';
    const onAbort = () => socket.destroy(signal.reason instanceof Error ? signal.reason : undefined);
    signal.addEventListener('abort', onAbort, {once: true});
    socket.on('error', reject);
    socket.on('close', () => {
      signal.removeEventListener('abort', onAbort);
      reject(
        new Error(
          head === ''
            ? 'it closed the connection without an answer'
            : 'it does not speak the expected protocol',
        ),
      );
    });
    socket.on('end', () => socket.destroy());
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      head += chunk;
      const match = complete.exec(head);
      if (match !== null) {
        signal.removeEventListener('abort', onAbort);
        resolve(match);
        socket.removeAllListeners('data');
        partFriendly(socket);
      } else if (head.length > longestHead) {
        socket.destroy();
      }
    });
  });
}

/** Ends it in an orderly way: a reset, as for a connection with something unread, makes many a small server fall over. */
function partFriendly(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), goodbye);
  socket.once('close', () => clearTimeout(timer));
  socket.resume();
  socket.end();
}
