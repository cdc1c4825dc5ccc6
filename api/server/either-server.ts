import type {Server as HttpServer} from 'node:http';
import type {Server, Socket} from 'node:net';
import {createServer} from 'node:net';

/** First byte of a TLS handshake (RFC 8446, ContentType); no method of HTTP begins with it. */
const handshake = 22;

/**
 * A server whose connections go to `secured` when they begin with a TLS handshake and to `plain` otherwise. Those that say nothing for `patience`
 * milliseconds are closed.
 */
export function createEitherServer({
  plain,
  secured,
  patience,
}: {
  plain: HttpServer;
  secured: HttpServer;
  patience: number;
}): Server {
  const silent = new Set<Socket>();
  const server = createServer({noDelay: true}, socket => {
    silent.add(socket);
    const close = () => socket.destroy();
    const forget = () => silent.delete(socket);
    socket.setTimeout(patience, close);
    socket.once('close', forget);
    socket.on('error', close);
    socket.once('readable', () => {
      const start: Buffer | null = socket.read();
      forget();
      if (start === null) {
        socket.destroy();
        return;
      }

      socket.setTimeout(0);
      socket.off('timeout', close);
      socket.off('close', forget);
      socket.off('error', close);
      socket.unshift(start);
      (start[0] === handshake ? secured : plain).emit('connection', socket);
    });
  });
  // Only from then on they know their connections: those on which nothing goes on, and those that take too long to say what they want.
  server.once('listening', () => {
    plain.emit('listening');
    secured.emit('listening');
  });
  const close = server.close.bind(server);
  // As an HTTP server does with connections on which nothing goes on.
  server.close = callback => {
    plain.close();
    secured.close();
    for (const socket of silent) {
      socket.destroy();
    }

    return close(callback);
  };
  return server;
}
