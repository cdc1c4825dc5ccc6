import {Readable, Writable} from 'node:stream';
import {bytesOf} from './binary-data.ts';
import type {AgentPeer} from './connection.ts';
import {initialCredit, receiveWindow} from './messages.ts';

/** Bytes in one message at most, so that a busy stream does not hold up the others. */
const pieceSize = 32_768;

/** Credit is given back in amounts of at least this many bytes, so that small reads don't make a message each. */
const creditStep = initialCredit / 2;

export type ChannelOptions = {
  readonly peer: AgentPeer;
  readonly stream: number;
  /** 0 input, 1 output, 2 error output. */
  readonly channel: number;
};

export type SendingChannel = {
  readonly writable: Writable;
  /** The other side has taken in so many bytes. */
  grant(bytes: number): void;
};

/** Writes become `stream/data`, at most as much as the other side has granted; ending becomes `stream/end`. */
export function createSendingChannel({peer, stream, channel}: ChannelOptions): SendingChannel {
  let credit = initialCredit;
  let waiting: (() => void) | undefined;

  const send = (rest: Buffer, done: () => void) => {
    let offset = 0;
    while (offset < rest.length && credit > 0) {
      const piece = rest.subarray(offset, offset + Math.min(pieceSize, credit));
      peer.notify('stream/data', {stream, channel, data: piece});
      credit -= piece.length;
      offset += piece.length;
    }
    if (offset === rest.length) {
      done();
    } else {
      waiting = () => send(rest.subarray(offset), done);
    }
  };

  const writable = new Writable({
    decodeStrings: true,
    write(chunk: Buffer, _encoding, callback) {
      send(chunk, callback);
    },
    final(callback) {
      peer.notify('stream/end', {stream, channel});
      callback();
    },
    destroy(error, callback) {
      waiting = undefined;
      callback(error);
    },
  });
  ignoreErrors(writable);

  return {
    writable,
    grant(bytes) {
      credit += Math.max(0, bytes);
      const resume = waiting;
      waiting = undefined;
      resume?.();
    },
  };
}

export type ReceivingChannel = {
  readonly readable: Readable;
  /** False when this is more than was granted: the stream is to be cut off. */
  receive(data: string | Uint8Array): boolean;
  /** No more will come. */
  end(): void;
};

/** Holds at most `receiveWindow` bytes that its reader has not asked for, and grants more as it reads. */
export function createReceivingChannel({peer, stream, channel}: ChannelOptions): ReceivingChannel {
  const queue: Buffer[] = [];
  let queued = 0;
  // Nothing is granted to those who never send.
  let taken = 0;
  let isWidened = false;
  let wanted = false;
  let end: 'open' | 'asked' | 'delivered' = 'open';

  const deliver = () => {
    while (wanted) {
      const chunk = queue.shift();
      if (chunk === undefined) {
        break;
      }
      queued -= chunk.length;
      taken += chunk.length;
      // Before the push, since that may ask for more before it returns.
      wanted = false;
      if (readable.push(chunk)) {
        wanted = true;
      }
    }
    if (end === 'open' && taken >= creditStep) {
      peer.notify('stream/credit', {stream, channel, bytes: taken});
      taken = 0;
    }
    if (end === 'asked' && queue.length === 0 && !readable.destroyed) {
      end = 'delivered';
      readable.push(null);
    }
  };

  const readable = new Readable({
    read() {
      wanted = true;
      deliver();
    },
    destroy(error, callback) {
      queue.length = 0;
      queued = 0;
      callback(error);
    },
  });
  ignoreErrors(readable);

  return {
    readable,
    receive(data) {
      const chunk = bytesOf(data);
      if (readable.destroyed || chunk.length === 0 || end !== 'open') {
        return true;
      }
      queued += chunk.length;
      if (queued > (isWidened ? receiveWindow : initialCredit)) {
        return false;
      }
      if (!isWidened) {
        isWidened = true;
        taken += receiveWindow - initialCredit;
      }
      queue.push(chunk);
      deliver();
      return true;
    },
    end() {
      if (end === 'open') {
        end = 'asked';
        deliver();
      }
    },
  };
}

/** Why a stream failed is told by `finished`; without a listener the error would end the process. */
function ignoreErrors(stream: Readable | Writable): void {
  stream.on('error', () => {});
}
