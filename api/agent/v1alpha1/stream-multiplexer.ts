import {AgentError} from './agent-error.ts';
import type {AgentStream} from './agent-stream.ts';
import type {AgentPeer} from './connection.ts';
import type {OpenedStream} from './opened-stream.ts';
import {createOpenedStream} from './opened-stream.ts';
import type {AcceptedStream, ServedStream} from './served-stream.ts';
import {createServedStream} from './served-stream.ts';

/** Many byte streams on one connection, in both directions, each with flow control of its own. */
export type StreamMultiplexer = Disposable & {
  /**
   * The controller's side. `start` sends the request that carries the id of the stream; what the agent sends before the answer is kept.
   * Throws what `start` throws, and the signal's reason. Once open, aborting the signal aborts the stream.
   */
  open(start: (stream: number) => Promise<unknown>, signal?: AbortSignal): Promise<AgentStream>;
  /**
   * The agent's side: to be called before the request that names the stream is answered, since data may follow the answer at once. When
   * that request then fails, close the stream with its error.
   */
  accept(stream: number): ServedStream;
};

/** One for each connection, by either side. Streams are cut off when the connection closes. */
export function createStreamMultiplexer(peer: AgentPeer): StreamMultiplexer {
  const streams = new Map<number, OpenedStream | AcceptedStream>();
  let lastStream = 0;

  const listening = [
    peer.on('stream/data', ({stream, channel, data}) => streams.get(stream)?.receive(channel, data)),
    peer.on('stream/credit', ({stream, channel, bytes}) => streams.get(stream)?.grant(channel, bytes)),
    peer.on('stream/end', ({stream, channel}) => streams.get(stream)?.end(channel)),
    peer.on('stream/closed', closed => streams.get(closed.stream)?.closed(closed)),
    peer.on('stream/resize', ({stream, columns, rows}) => streams.get(stream)?.resized(columns, rows)),
    peer.on('stream/abort', ({stream}) => {
      streams.get(stream)?.cutOff(new AgentError('Disconnected', 'the other side gave up the stream'));
    }),
  ];
  const cutOffAll = () => {
    for (const stream of [...streams.values()]) {
      stream.cutOff(reasonOf(peer.closed));
    }
  };
  peer.closed.addEventListener('abort', cutOffAll, {once: true});

  return {
    async open(start, signal) {
      signal?.throwIfAborted();
      peer.closed.throwIfAborted();
      lastStream += 1;
      const id = lastStream;
      const opened = createOpenedStream({peer, stream: id, onOver: () => streams.delete(id)});
      streams.set(id, opened);
      const onAbort = () => opened.stream.abort();
      signal?.addEventListener('abort', onAbort, {once: true});
      opened.stream.finished.catch(() => {}).finally(() => signal?.removeEventListener('abort', onAbort));
      try {
        await start(id);
        signal?.throwIfAborted();
        return opened.stream;
      } catch (error) {
        opened.stream.abort();
        throw error;
      }
    },

    accept(id) {
      if (streams.has(id)) {
        throw new AgentError('Invalid', `stream ${id} is in use`);
      }
      const accepted = createServedStream({peer, stream: id, onOver: () => streams.delete(id)});
      streams.set(id, accepted);
      if (peer.closed.aborted) {
        accepted.cutOff(reasonOf(peer.closed));
      }
      return accepted.stream;
    },

    [Symbol.dispose]() {
      peer.closed.removeEventListener('abort', cutOffAll);
      for (const listener of listening) {
        listener[Symbol.dispose]();
      }
      for (const stream of [...streams.values()]) {
        stream.cutOff(new AgentError('Disconnected', 'the streams of this connection were closed'));
      }
    },
  };
}

function reasonOf(signal: AbortSignal): AgentError {
  return signal.reason instanceof AgentError
    ? signal.reason
    : new AgentError('Disconnected', 'the connection was closed', {cause: signal.reason});
}
