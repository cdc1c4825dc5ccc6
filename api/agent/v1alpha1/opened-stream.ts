import {AgentError} from './agent-error.ts';
import type {AgentStream} from './agent-stream.ts';
import type {AgentPeer} from './connection.ts';
import type {Notification} from './messages.ts';
import {createReceivingChannel, createSendingChannel} from './stream-channel.ts';

/** What the multiplexer hands the messages of one stream to; those that are not for this side do nothing. */
export type StreamEnd = {
  receive(channel: number, data: string | Uint8Array): void;
  grant(channel: number, bytes: number): void;
  end(channel: number): void;
  closed(message: Notification<'stream/closed'>): void;
  resized(columns: number, rows: number): void;
  /** The connection is lost or the other side gave up: nothing more is sent. */
  cutOff(reason: AgentError): void;
};

export type StreamEndOptions = {
  readonly peer: AgentPeer;
  readonly stream: number;
  /** Called once, when no more messages of this stream matter. */
  readonly onOver: () => void;
};

export type OpenedStream = StreamEnd & {readonly stream: AgentStream};

/** The end of the one who opened it. */
export function createOpenedStream({peer, stream, onOver}: StreamEndOptions): OpenedStream {
  const input = createSendingChannel({peer, stream, channel: 0});
  const output = createReceivingChannel({peer, stream, channel: 1});
  const errorOutput = createReceivingChannel({peer, stream, channel: 2});
  const finished = Promise.withResolvers<{readonly exitCode?: number}>();
  // Who does not ask how it ended need not hear that it ended badly.
  finished.promise.catch(() => {});
  let over = false;

  const fail = (reason: AgentError) => {
    over = true;
    onOver();
    input.writable.destroy(reason);
    output.readable.destroy(reason);
    errorOutput.readable.destroy(reason);
    finished.reject(reason);
  };

  return {
    stream: {
      input: input.writable,
      output: output.readable,
      errorOutput: errorOutput.readable,
      finished: finished.promise,
      resize(columns, rows) {
        if (!over) {
          peer.notify('stream/resize', {stream, columns, rows});
        }
      },
      abort() {
        if (!over) {
          peer.notify('stream/abort', {stream});
          fail(new AgentError('Disconnected', 'the stream was given up by this side'));
        }
      },
    },
    receive(channel, data) {
      const receiver = channel === 1 ? output : channel === 2 ? errorOutput : undefined;
      if (receiver?.receive(data) === false && !over) {
        peer.notify('stream/abort', {stream});
        fail(new AgentError('Invalid', `the agent sent more on stream ${stream} than it was granted`));
      }
    },
    grant(channel, bytes) {
      if (channel === 0) {
        input.grant(bytes);
      }
    },
    end(channel) {
      if (channel === 1) {
        output.end();
      } else if (channel === 2) {
        errorOutput.end();
      }
    },
    closed({exitCode, error}) {
      if (over) {
        return;
      }
      if (error !== undefined) {
        fail(new AgentError('Internal', error));
        return;
      }
      over = true;
      onOver();
      input.writable.destroy();
      output.end();
      errorOutput.end();
      finished.resolve(exitCode === undefined ? {} : {exitCode});
    },
    resized() {},
    cutOff(reason) {
      if (!over) {
        fail(reason);
      }
    },
  };
}
