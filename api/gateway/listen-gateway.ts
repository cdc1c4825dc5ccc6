import type {AddressInfo, Socket} from 'node:net';
import {createServer} from 'node:net';

export type GatewayAddress = {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
};

export type GatewayListening = AsyncDisposable & {
  readonly port: number;
  /** Who takes the connections, those that have come before included. */
  serve(take: (socket: Socket) => void): void;
};

/** Connections that wait for somebody to take them. */
const mostEarly = 128;

/** Milliseconds that connections may take to end once nothing listens any more. */
const drainTime = 1000;

/** Holds the gateway's port until it is disposed of. Rejects with the system's error when the address can't be had. */
export async function listenGateway({host, port}: GatewayAddress): Promise<GatewayListening> {
  const early: Socket[] = [];
  let take = (socket: Socket): void => {
    if (early.push(socket) > mostEarly) {
      early.pop();
      socket.destroy();
    }
  };
  const sockets = new Set<Socket>();
  const server = createServer({noDelay: true, pauseOnConnect: true}, socket => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    take(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });

  return {
    // A listener on TCP has no other kind of address.
    port: (server.address() as AddressInfo).port,
    serve(next) {
      take = next;
      for (const socket of early.splice(0)) {
        next(socket);
      }
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>(resolve => {
        server.close(() => resolve());
      });
      const force = setTimeout(() => {
        for (const socket of sockets) {
          socket.destroy();
        }
      }, drainTime);
      await closed;
      clearTimeout(force);
    },
  };
}
