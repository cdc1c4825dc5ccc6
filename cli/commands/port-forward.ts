import {once} from 'node:events';
import type {Socket} from 'node:net';
import {createServer} from 'node:net';
import {pipeline} from 'node:stream/promises';
import type {Client} from '../../api/client/client.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import {workspaceName} from '../resource-name.ts';

export type PortPair = {readonly local: number; readonly remote: number};

/** Makes ports of a workspace answer on this machine's loopback, until interrupted. */
export async function portForward(
  cli: Cli,
  {word, ports}: {readonly word: string; readonly ports: readonly string[]},
  {address = '127.0.0.1'}: {readonly address?: string},
): Promise<void> {
  const workspace = workspaceName(word);
  const pairs = ports.map(parsePair);
  await using client = await connect(cli);
  // Not there, or not ours: said now rather than at the first connection.
  await client.workspaces.status(workspace, {signal: cli.signal});
  await using stack = new AsyncDisposableStack();
  for (const pair of pairs) {
    const port = await listen(pair, {
      address,
      stack,
      serve: socket => serve(cli, client, {socket, workspace, pair}),
    });
    cli.print(`Forwarding ${address}:${port} -> ${workspace}:${pair.remote}`);
  }

  cli.note('Ctrl-C ends it.');
  if (!cli.signal.aborted) {
    await once(cli.signal, 'abort');
  }
}

/** `8080:3000`, `3000` for the same on both sides, `:3000` for any local port that is free. Throws CliError. */
export function parsePair(text: string): PortPair {
  const [, local, remote] = /^(?:(\d{0,5}):)?(\d{1,5})$/.exec(text) ?? [];
  const pair = {local: local === undefined ? Number(remote) : Number(local), remote: Number(remote)};
  if (remote === undefined || pair.remote < 1 || pair.remote > 65_535 || pair.local > 65_535) {
    throw new CliError('usage', `"${text}" is no pair of ports`, {
      hint: 'Write LOCAL:REMOTE such as 8080:3000, or just 3000.',
    });
  }

  return pair;
}

async function listen(
  pair: PortPair,
  {
    address,
    stack,
    serve,
  }: {
    readonly address: string;
    readonly stack: AsyncDisposableStack;
    readonly serve: (socket: Socket) => void;
  },
): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({allowHalfOpen: true}, socket => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(socket);
  });
  try {
    server.listen(pair.local, address);
    await once(server, 'listening');
  } catch (error) {
    throw new CliError('failed', `port ${pair.local} of ${address} can't be used here`, {
      hint: `Another program may have it: choose another, such as ${pair.local + 10_000}:${pair.remote}, or :${pair.remote} for any.`,
      cause: error,
    });
  }

  stack.defer(() => {
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
  });
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : pair.local;
}

function serve(
  cli: Cli,
  client: Client,
  {socket, workspace, pair}: {readonly socket: Socket; readonly workspace: string; readonly pair: PortPair},
): void {
  const carry = async () => {
    const tunnel = await client.workspaces.tunnel(workspace, pair.remote, {signal: cli.signal});
    socket.once('close', () => tunnel.abort());
    await Promise.all([pipeline(socket, tunnel.input), pipeline(tunnel.output, socket), tunnel.finished]);
  };

  socket.on('error', () => socket.destroy());
  carry().catch((error: unknown) => {
    socket.destroy();
    if (!cli.signal.aborted && !socket.readableEnded) {
      cli.note(`port ${pair.remote}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
}
