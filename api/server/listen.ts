import type {Server} from 'node:http';
import {createServer as createHttpServer} from 'node:http';
import {createServer as createHttpsServer} from 'node:https';
import type {AddressInfo} from 'node:net';
import type {App} from './app.ts';

export type ListenOptions = {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** PEM. */
  readonly tls?: {readonly certificate: string; readonly key: string};
};

export type Listening = AsyncDisposable & {
  /** Where it listens, such as http://127.0.0.1:3001. */
  readonly url: string;
  readonly port: number;
};

/** Milliseconds that requests may take to end once the server is closed; watches and streams are ended at once. */
const drainTime = 5000;

/**
 * Serves `app` until it is disposed of, which lets requests end that have begun. Rejects with the system's error when the address can't be had.
 */
export async function listen(app: App, {host, port, tls}: ListenOptions): Promise<Listening> {
  const handler = app.koa.callback();
  const options = {
    // Slowloris: who sends headers by the byte is cut off. Bodies have the deadline of their route.
    headersTimeout: 15_000,
    requestTimeout: 0,
    // Longer than clients and proxies keep a connection, so that they close it, not we while a request is on its way.
    keepAliveTimeout: 75_000,
    connectionsCheckingInterval: 5000,
  };
  const server: Server =
    tls === undefined
      ? createHttpServer(options, handler)
      : createHttpsServer({...options, cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2'}, handler);
  const attached = app.webSockets.attach(server);
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
      attached[Symbol.dispose]();
      app.close();
      const closed = new Promise<void>(resolve => {
        server.close(() => resolve());
      });
      const force = setTimeout(() => server.closeAllConnections(), drainTime);
      await closed;
      clearTimeout(force);
    },
  };
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error('The server does not listen on a TCP port');
  }

  return address;
}
