import type {Server} from 'node:net';
import {createServer} from 'node:net';

/** Another program on the node that listens on ports and says hello to whoever connects. */
export type PortHog = AsyncDisposable & {
  /** Those it has got. */
  held(): ReadonlySet<number>;
  /** Takes all of them that are free now; those that others hold stay theirs. */
  take(ports: Iterable<number>): Promise<void>;
  release(port: number): Promise<void>;
};

export const greeting = 'hello from another program\n';

export function createPortHog(address = '127.0.0.1'): PortHog {
  const servers = new Map<number, Server>();
  const close = async (port: number) => {
    const server = servers.get(port);
    servers.delete(port);
    await new Promise<void>(resolve => {
      if (server === undefined) {
        resolve();
      } else {
        server.close(() => resolve());
      }
    });
  };

  return {
    held: () => new Set(servers.keys()),
    async take(ports) {
      for (const port of ports) {
        const server = createServer(socket => {
          socket.on('error', () => {});
          // Read to its end, or the connection would never close.
          socket.resume();
          socket.end(greeting);
        });
        const got = await new Promise<boolean>(resolve => {
          server.once('error', () => resolve(false));
          server.listen({port, host: address, exclusive: true}, () => resolve(true));
        });
        if (got) {
          servers.set(port, server);
        }
      }
    },
    release: close,
    async [Symbol.asyncDispose]() {
      await Promise.all([...servers.keys()].map(close));
    },
  };
}

/** From the first to the last, both included. */
export function portRange(first: number, last: number): readonly number[] {
  return Array.from({length: last - first + 1}, (_, index) => first + index);
}
