import type {Readable, Writable} from 'node:stream';
import {addAbortSignal} from 'node:stream';
import {DriverError} from './driver.ts';

export type FedProgram = {
  readonly stdin: Writable;
  /** Resolves once it has ended, to what was wrong with that. */
  readonly failure: Promise<DriverError | undefined>;
};

/**
 * Gives a program its input and waits for its end. Throws DriverError with what was wrong first: the input that did not arrive, or the program that read no
 * more of it. One whose input has not arrived is left waiting, for the caller to end. A program may end well as soon as it has read all, which tar does
 * at the end of the archive: whether that was all is known only when `content` ends, too.
 */
export async function feedProgram(
  content: Readable,
  {stdin, failure}: FedProgram,
  signal: AbortSignal,
): Promise<void> {
  let failed: DriverError | undefined;
  const ended = failure.then(reason => {
    failed = reason;
    if (reason !== undefined) content.destroy(reason);
  });
  async function* arriving() {
    try {
      yield* content as AsyncIterable<Buffer>;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw (
        failed ?? new DriverError('Internal', `what is to be imported did not arrive: ${reason}`, {cause})
      );
    }
  }

  stdin.on('error', () => {});
  addAbortSignal(signal, content);
  try {
    for await (const piece of arriving()) {
      if (await isTaken(piece, stdin, signal)) continue;
      signal.throwIfAborted();
      await ended;
      throw failed ?? new DriverError('Internal', 'a program did not read its input');
    }
  } catch (error) {
    throw signal.aborted ? new DriverError('TimedOut', 'it was given up', {cause: signal.reason}) : error;
  }
  stdin.end();
  await ended;
  if (failed !== undefined) throw failed;
}

/** Resolves once there is room for more, or it is certain that there will be none. */
async function isTaken(piece: Buffer, stdin: Writable, signal: AbortSignal): Promise<boolean> {
  if (!stdin.writable) return false;
  if (stdin.write(piece)) return true;

  const {promise, resolve} = Promise.withResolvers<boolean>();
  const onDrain = () => resolve(true);
  const onEnd = () => resolve(false);
  stdin.once('drain', onDrain).once('close', onEnd);
  signal.addEventListener('abort', onEnd, {once: true});
  try {
    return await promise;
  } finally {
    stdin.off('drain', onDrain).off('close', onEnd);
    signal.removeEventListener('abort', onEnd);
  }
}
