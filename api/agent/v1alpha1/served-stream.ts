import type {Readable, Writable} from 'node:stream';
import {finished as streamFinished} from 'node:stream/promises';
import {AgentError} from './agent-error.ts';
import type {StreamEnd, StreamEndOptions} from './opened-stream.ts';
import {createReceivingChannel, createSendingChannel} from './stream-channel.ts';

/** The serving end of a stream. Errors of its streams need no listener: `aborted` tells. */
export type ServedStream = {
  /** What the other side writes; ends when it ends its input. */
  readonly input: Readable;
  readonly output: Writable;
  readonly errorOutput: Writable;
  /** Aborted when the other side gives up or the connection is lost: stop, kill what runs. {@link close} is then not needed. */
  readonly aborted: AbortSignal;
  onResize(listener: (columns: number, rows: number) => void): void;
  /**
   * Ends both outputs, waits until the other side has taken in what was written, and says how it ended; with an error at once.
   * Resolves in any case; again does nothing.
   */
  close(end?: {readonly exitCode?: number; readonly error?: string}): Promise<void>;
};

export type AcceptedStream = StreamEnd & {readonly stream: ServedStream};

/** The end of the one who was asked. */
export function createServedStream({peer, stream, onOver}: StreamEndOptions): AcceptedStream {
  const input = createReceivingChannel({peer, stream, channel: 0});
  const output = createSendingChannel({peer, stream, channel: 1});
  const errorOutput = createSendingChannel({peer, stream, channel: 2});
  const aborted = new AbortController();
  let resizeListener: ((columns: number, rows: number) => void) | undefined;
  let state: 'open' | 'closing' | 'over' = 'open';

  const tearDown = (error?: Error) => {
    state = 'over';
    onOver();
    input.readable.destroy(error);
    output.writable.destroy(error);
    errorOutput.writable.destroy(error);
  };

  const cutOff = (reason: AgentError) => {
    if (state !== 'over') {
      tearDown(reason);
      aborted.abort(reason);
    }
  };

  const flush = async () => {
    output.writable.end();
    errorOutput.writable.end();
    await Promise.allSettled([
      streamFinished(output.writable, {readable: false}),
      streamFinished(errorOutput.writable, {readable: false}),
    ]);
  };

  return {
    stream: {
      input: input.readable,
      output: output.writable,
      errorOutput: errorOutput.writable,
      aborted: aborted.signal,
      onResize(listener) {
        resizeListener = listener;
      },
      async close({exitCode, error} = {}) {
        if (state !== 'open') {
          return;
        }
        state = 'closing';
        if (error === undefined) {
          await flush();
        }
        if (aborted.signal.aborted) {
          return;
        }
        tearDown();
        peer.notify('stream/closed', {
          stream,
          ...(exitCode === undefined ? {} : {exitCode}),
          ...(error === undefined ? {} : {error}),
        });
      },
    },
    receive(channel, data) {
      if (channel === 0 && !input.receive(data) && state !== 'over') {
        const reason = `the caller sent more on stream ${stream} than it was granted`;
        peer.notify('stream/closed', {stream, error: reason});
        cutOff(new AgentError('Invalid', reason));
      }
    },
    grant(channel, bytes) {
      if (channel === 1) {
        output.grant(bytes);
      } else if (channel === 2) {
        errorOutput.grant(bytes);
      }
    },
    end(channel) {
      if (channel === 0) {
        input.end();
      }
    },
    closed() {},
    resized(columns, rows) {
      resizeListener?.(columns, rows);
    },
    cutOff,
  };
}
