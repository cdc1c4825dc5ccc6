import {once} from 'node:events';
import type {Socket} from 'node:net';
import type {ServerChannel} from 'ssh2';
import type {AgentStream} from '../agent/v1alpha1/agent-stream.ts';

export type CarryOptions = {
  /** What the channel runs over. */
  readonly socket: Pick<Socket, 'writableLength' | 'once' | 'off' | 'cork' | 'uncork'>;
  /** Aborted when the connection is over, or the session is to be. */
  readonly signal: AbortSignal;
  readonly onCarried: (direction: 'in' | 'out', bytes: number) => void;
};

/** Unsent bytes of a connection at which nothing more is taken from workspaces. ssh2 itself never waits. */
const highWater = 1_048_576;

/**
 * Joins a channel and a workspace's stream until either ends or `signal` is aborted; then both are over. What one side does not take, the other is
 * not asked for. Resolves when it is over; never rejects.
 */
export async function carry(
  channel: ServerChannel,
  stream: AgentStream,
  {socket, signal, onCarried}: CarryOptions,
): Promise<void> {
  const over = new AbortController();
  const end = () => over.abort();
  channel.once('close', end);
  channel.on('error', end);
  signal.addEventListener('abort', end, {once: true});
  if (signal.aborted) {
    end();
  }

  channel.on('data', (chunk: Buffer) => onCarried('in', chunk.length));
  channel.pipe(stream.input);
  const back = async () => {
    for await (const chunk of stream.output) {
      onCarried('out', chunk.length);
      // ssh2 writes a packet in three parts; they are to leave together.
      socket.cork();
      const isTaken = channel.write(chunk);
      socket.uncork();
      if (!isTaken) {
        await once(channel, 'drain', {signal: over.signal});
      }

      if (socket.writableLength > highWater) {
        await drained(socket, over.signal);
      }
    }
  };

  const aborted = Promise.withResolvers<void>();
  over.signal.addEventListener('abort', () => aborted.resolve(), {once: true});
  if (over.signal.aborted) {
    aborted.resolve();
  }

  await Promise.race([back().catch(end), aborted.promise]);
  signal.removeEventListener('abort', end);
  channel.unpipe();
  // What comes yet has nobody to go to, and must not stay.
  channel.resume();
  stream.abort();
  // Closes the channel once the last of it is sent.
  channel.end();
  if (over.signal.aborted) {
    channel.close();
  }

  over.abort();
}

async function drained(socket: CarryOptions['socket'], signal: AbortSignal): Promise<void> {
  const {promise, resolve, reject} = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason);
  socket.once('drain', resolve);
  signal.addEventListener('abort', onAbort, {once: true});
  try {
    signal.throwIfAborted();
    await promise;
  } finally {
    socket.off('drain', resolve);
    signal.removeEventListener('abort', onAbort);
  }
}
