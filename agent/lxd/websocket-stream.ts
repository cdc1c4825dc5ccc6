import {Readable, Writable} from 'node:stream';
import {finished} from 'node:stream/promises';
import type {RawData, WebSocket} from 'ws';
import {DriverError} from '../driver.ts';

/**
 * What the other side sends. Bytes come in binary messages; a text message means "no more". It also ends when the socket is closed in an
 * orderly way. Closed in another way it fails with DriverError BackendUnavailable, for what was still to come is lost; but it ends if
 * nothing can have been lost, since `unstarted` resolves to true. Nothing is read ahead of the reader.
 */
export function readableOf(websocket: WebSocket | undefined, unstarted: Promise<boolean>): Readable {
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
  // A fault that nobody listens for must not end the process; whoever reads gets it, and so does who waits for `wholeOf`.
  readable.on('error', () => {});
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
    if (ended || readable.destroyed) return;
    if (code === orderly || code === withoutStatus) return end();
    const lost = new DriverError(
      'BackendUnavailable',
      `the output of a command was cut off (close code ${code})`,
    );
    unstarted.then(
      nothing => (nothing ? end() : readable.destroy(lost)),
      () => readable.destroy(lost),
    );
  });
  return readable;
}

/**
 * Resolves once all that came was read, or the reader is known to hold the rest back; rejects with what cut it off. For after the end of a
 * command, when its output has all been sent.
 */
export async function wholeOf(readable: Readable): Promise<void> {
  // Who does not read now may never do so, and is told of a loss when it reads.
  if (readable.errored !== null) throw readable.errored;
  if (!readable.readableFlowing && readable.listenerCount('readable') === 0) return;
  await finished(readable).catch((error: unknown) => {
    // Whoever stopped reading wants no more.
    if (error instanceof DriverError) throw error;
  });
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
