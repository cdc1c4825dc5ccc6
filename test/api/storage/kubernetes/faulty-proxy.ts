import {once} from 'node:events';
import {readFile, rm, writeFile} from 'node:fs/promises';
import type {Socket} from 'node:net';
import {connect, createServer} from 'node:net';
import path from 'node:path';

/** Stands between a store and its API server, and fails on purpose. */
export type FaultyProxy = AsyncDisposable & {
  /** Leads through the proxy. */
  readonly kubeconfig: string;
  /** Cuts all connections there are. */
  cut(): void;
  /** Lets no byte pass in either direction, on connections that stay open, until it is thawed. New ones are accepted and freeze too. */
  freeze(): void;
  thaw(): void;
  /** Connections that were accepted so far. */
  accepted(): number;
};

/** `kubeconfig` must name one server by its address. */
export async function startFaultyProxy(kubeconfig: string): Promise<FaultyProxy> {
  const text = await readFile(kubeconfig, 'utf8');
  const server = new URL(/server: "?([^"\s,}]+)/.exec(text)?.[1] ?? '');
  const pairs = new Set<readonly [Socket, Socket]>();
  let frozen = false;
  let accepted = 0;

  const apply = ([inner, outer]: readonly [Socket, Socket]) => {
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      if (frozen) {
        from.unpipe(to);
        from.pause();
      } else {
        from.pipe(to);
      }
    }
  };
  const listener = createServer(inner => {
    accepted += 1;
    const outer = connect({host: server.hostname, port: Number(server.port)});
    const pair = [inner, outer] as const;
    pairs.add(pair);
    const end = () => {
      inner.destroy();
      outer.destroy();
      pairs.delete(pair);
    };
    for (const socket of pair) {
      socket.on('error', end).on('close', end);
    }

    apply(pair);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const through = path.join(path.dirname(kubeconfig), `kubeconfig-${port}`);
  await writeFile(through, text.replace(`${server.hostname}:${server.port}`, `127.0.0.1:${port}`), {
    mode: 0o600,
  });

  const cut = () => {
    for (const [inner, outer] of pairs) {
      inner.destroy();
      outer.destroy();
    }
  };
  const setFrozen = (value: boolean) => {
    frozen = value;
    for (const pair of pairs) {
      apply(pair);
    }
  };
  return {
    kubeconfig: through,
    cut,
    freeze: () => setFrozen(true),
    thaw: () => setFrozen(false),
    accepted: () => accepted,
    async [Symbol.asyncDispose]() {
      cut();
      listener.close();
      await once(listener, 'close');
      await rm(through, {force: true});
    },
  };
}
