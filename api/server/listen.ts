import type {Server} from 'node:http';
import {createServer as createHttpServer} from 'node:http';
import {createServer as createHttpsServer} from 'node:https';
import type {AddressInfo, Server as NetServer} from 'node:net';
import type {App} from './app.ts';
import {createEitherServer} from './either-server.ts';

/** PEM. */
export type TlsMaterial = {readonly certificate: string; readonly key: string};

export type ListenOptions = {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Who does not speak TLS is not answered. */
  readonly tls?: TlsMaterial;
  /** Besides plain HTTP, who speaks TLS is answered by it, on the same port. */
  readonly alsoTls?: TlsMaterial;
};

export type Listening = AsyncDisposable & {
  /** Where it listens, such as http://127.0.0.1:3001. */
  readonly url: string;
  readonly port: number;
};

/** Milliseconds that requests may take to end once the server is closed; watches and streams are ended at once. */
const drainTime = 5000;

/** Milliseconds in which a client must have said what it wants, lest it hold a connection for nothing. */
const patience = 15_000;

/**
 * Serves `app` until it is disposed of, which lets requests end that have begun. Rejects with the system's error when the address can't be had.
 */
export async function listen(app: App, {host, port, tls, alsoTls}: ListenOptions): Promise<Listening> {
  const handler = app.koa.callback();
  const options = {
    // Slowloris: who sends headers by the byte is cut off. Bodies have the deadline of their route.
    headersTimeout: patience,
    requestTimeout: 0,
    // Longer than clients and proxies keep a connection, so that they close it, not we while a request is on its way.
    keepAliveTimeout: 75_000,
    connectionsCheckingInterval: 5000,
  };
  const secured = ({certificate, key}: TlsMaterial) =>
    createHttpsServer({...options, cert: certificate, key, minVersion: 'TLSv1.2'}, handler);
  const servers: Server[] = [
    ...(tls === undefined ? [createHttpServer(options, handler)] : [secured(tls)]),
    ...(alsoTls === undefined ? [] : [secured(alsoTls)]),
  ];
  const [first, second] = servers;
  if (first === undefined) {
    throw new Error('There is nothing to listen with');
  }

  const server: NetServer =
    second === undefined ? first : createEitherServer({plain: first, secured: second, patience});
  const attached = servers.map(each => app.webSockets.attach(each));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });

  const address = addressOf(server);
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${shown}:${address.port}`,
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const doors of attached) {
        doors[Symbol.dispose]();
      }

      app.close();
      const closed = new Promise<void>(resolve => {
        server.close(() => resolve());
      });
      for (const each of servers) {
        each.closeIdleConnections();
      }

      const force = setTimeout(() => {
        for (const each of servers) {
          each.closeAllConnections();
        }
      }, drainTime);
      await closed;
      clearTimeout(force);
    },
  };
}

function addressOf(server: NetServer): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error('The server does not listen on a TCP port');
  }

  return address;
}
