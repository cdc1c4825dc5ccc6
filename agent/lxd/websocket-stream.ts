import {Readable, Writable} from 'node:stream';
import type {RawData, WebSocket} from 'ws';

/**
 * What the other side sends. Bytes come in binary messages; a text message means "no more". It also ends when the socket is closed in an
 * orderly way, or in any way once `finished` has resolved; else it is destroyed. Nothing is read ahead of the reader.
 */
export function readableOf(websocket: WebSocket | undefined, finished: Promise<unknown>): Readable {
  if (websocket === undefined) return Readable.from([]);

  const readable = new Readable({
    read() {
      websocket.resume();
    },
    destroy(error, callback) {
      websocket.resume();
      websocket.terminate();
      callback(error);
    },
  });
  let ended = false;
  const end = () => {
    if (!ended && !readable.destroyed) readable.push(null);
    ended = true;
  };
  websocket.on('message', (data, isBinary) => {
    if (!isBinary) end();
    else if (!ended && !readable.push(bytesOf(data))) websocket.pause();
  });
  websocket.on('close', code => {
    if (code === orderly || code === withoutStatus) end();
    else finished.then(end, () => readable.destroy());
  });
  return readable;
}

export type WritableOptions = {
  /** Whether an end is told by an empty text message. On a terminal it is not: there the other side ends by itself. */
  readonly endsByMessage: boolean;
};

/** Bytes to the other side; each write is done once the socket took it. */
export function writableOf(websocket: WebSocket, {endsByMessage}: WritableOptions): Writable {
  // On a terminal the reader decides when to go on.
  if (endsByMessage) websocket.resume();
  return new Writable({
    write(chunk: Uint8Array, _encoding, callback) {
      // What comes after the process ended has no reader, and that is no fault of the writer.
      if (websocket.readyState !== websocket.OPEN) callback();
      else websocket.send(chunk, {binary: true}, () => callback());
    },
    final(callback) {
      if (endsByMessage && websocket.readyState === websocket.OPEN) {
        websocket.send('', {binary: false}, () => callback());
      } else {
        callback();
      }
    },
    destroy(error, callback) {
      if (endsByMessage) websocket.terminate();
      callback(error);
    },
  });
}

const orderly = 1000;
const withoutStatus = 1005;

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
