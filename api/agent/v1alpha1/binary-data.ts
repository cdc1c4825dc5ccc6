/**
 * Most of what goes over a connection are bytes of streams. Between peers that both know it they are not written as JSON: a message that begins with
 * a zero, which no JSON does, is `stream/data`; four bytes of its stream's number and one of its channel follow, then the data.
 */
const mark = 0;
const headLength = 6;

export type StreamData = {
  readonly stream: number;
  readonly channel: number;
  readonly data: Uint8Array | string;
};

/** The message without its data, to be sent before it. Undefined for what can't be said so. */
export function binaryHead({stream, channel}: Pick<StreamData, 'stream' | 'channel'>): Buffer | undefined {
  if (!Number.isInteger(stream) || stream < 0 || stream > 0xff_ff_ff_ff) {
    return undefined;
  }

  const head = Buffer.alloc(headLength);
  head.writeUInt8(mark, 0);
  head.writeUInt32BE(stream, 1);
  head.writeUInt8(channel, 5);
  return head;
}

/** Undefined when it is JSON. Throws on what is neither. */
export function parseBinary(message: Buffer): StreamData | undefined {
  if (message[0] !== mark) {
    return undefined;
  }

  if (message.length < headLength) {
    throw new Error('a binary message is cut short');
  }

  return {
    stream: message.readUInt32BE(1),
    channel: message.readUInt8(5),
    data: message.subarray(headLength),
  };
}

export function bytesOf(data: StreamData['data']): Buffer {
  return typeof data === 'string'
    ? Buffer.from(data, 'base64')
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
