import type {Writable} from 'node:stream';
import type {ContentTypeDecoder, Message, MessageWriter} from 'vscode-jsonrpc/node';
import {AbstractMessageWriter} from 'vscode-jsonrpc/node';
import type {StreamData} from './binary-data.ts';
import {binaryHead, bytesOf, parseBinary} from './binary-data.ts';

/** Reads both forms: JSON, and the bytes of streams as they are. */
export const messageDecoder: ContentTypeDecoder = {
  name: 'application/json',
  async decode(bytes) {
    const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const params = parseBinary(message);
    return params === undefined
      ? JSON.parse(message.toString('utf8'))
      : {jsonrpc: '2.0', method: 'stream/data', params};
  },
};

/**
 * Writes messages in the order in which it is given them, each at once and whole. `takesBinary` says whether the other side reads bytes of streams as
 * they are; else they become base64.
 */
export function createMessageWriter(output: Writable, takesBinary: () => boolean): MessageWriter {
  return new Writer(output, takesBinary);
}

class Writer extends AbstractMessageWriter implements MessageWriter {
  readonly #output: Writable;
  readonly #takesBinary: () => boolean;

  constructor(output: Writable, takesBinary: () => boolean) {
    super();
    this.#output = output;
    this.#takesBinary = takesBinary;
  }

  write(message: Message): Promise<void> {
    const parts = encode(message, this.#takesBinary());
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    return new Promise((resolve, reject) => {
      this.#output.cork();
      this.#output.write(`Content-Length: ${length}\r\n\r\n`, 'latin1');
      const [last, ...others] = parts.toReversed();
      for (const part of others.reverse()) {
        this.#output.write(part);
      }

      this.#output.write(last ?? Buffer.alloc(0), error => {
        if (error == null) {
          resolve();
        } else {
          this.fireError(error, message);
          reject(error);
        }
      });
      this.#output.uncork();
    });
  }

  end(): void {
    this.#output.end();
  }
}

function encode(message: Message, isBinary: boolean): readonly Buffer[] {
  const params = streamDataOf(message);
  if (params === undefined || typeof params.data === 'string') {
    return [Buffer.from(JSON.stringify(message))];
  }

  const data = bytesOf(params.data);
  const head = isBinary ? binaryHead(params) : undefined;
  if (head !== undefined) {
    return [head, data];
  }

  const text = {...params, data: data.toString('base64')};
  return [Buffer.from(JSON.stringify({...message, params: text}))];
}

function streamDataOf(message: Message): StreamData | undefined {
  if (!('method' in message) || message.method !== 'stream/data' || !('params' in message)) {
    return undefined;
  }

  const {params} = message;
  return isStreamData(params) ? params : undefined;
}

function isStreamData(params: unknown): params is StreamData {
  return typeof params === 'object' && params !== null && 'stream' in params && 'data' in params;
}
