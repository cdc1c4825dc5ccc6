import type {Socket} from 'node:net';
import {createServer} from 'node:net';
import type {Duplex} from 'node:stream';
import type {Logger} from '../../api/effects/logger.ts';
import type {NodePorts} from '../forwards/node-ports.ts';
import {PortInUseError} from '../forwards/node-ports.ts';

/** Real ports, on the address of this machine that counts when they are opened. */
export function createNetNodePorts({address, log}: {address: () => string; log: Logger}): NodePorts {
  return {
    async listen(port, connect) {
      const sockets = new Set<Socket>();
      const closing = new AbortController();

      const join = async (client: Socket) => {
        const gone = new AbortController();
        client.on('error', () => {});
        client.on('close', () => gone.abort(new Error('the client has gone')));
        sockets.add(client);
        client.once('close', () => sockets.delete(client));
        try {
          const target = await connect(AbortSignal.any([gone.signal, closing.signal]));
          splice(client, target);
        } catch (error) {
          log.debug({error, port}, 'a connection could not be forwarded');
          client.destroy();
        }
      };

      const server = createServer({allowHalfOpen: true, noDelay: true}, client => void join(client));
      await new Promise<void>((resolve, reject) => {
        server.once('error', (error: NodeJS.ErrnoException) => {
          reject(
            error.code === 'EADDRINUSE'
              ? new PortInUseError(`port ${port} is taken by another program on this node`, {cause: error})
              : error,
          );
        });
        server.listen({port, host: address(), exclusive: true}, resolve);
      });
      server.on('error', error => log.warn({error, port}, 'a forwarded port has trouble'));

      return {
        port,
        async [Symbol.asyncDispose]() {
          closing.abort(new Error('the port was closed'));
          const closed = new Promise<void>(resolve => server.close(() => resolve()));
          for (const socket of sockets) {
            socket.destroy();
          }
          await closed;
        },
      };
    },
  };
}

/** Joins two streams. An end of one direction is passed on and leaves the other open; an error of either ends both. */
export function splice(client: Socket, target: Duplex): void {
  target.on('error', () => client.destroy());
  client.on('error', () => target.destroy());
  client.on('close', () => target.destroy());
  target.on('close', () => {
    // What was read before it closed is still on its way.
    if (target.readableEnded) {
      client.end();
    } else {
      client.destroy();
    }
  });
  client.pipe(target);
  target.pipe(client);
}
