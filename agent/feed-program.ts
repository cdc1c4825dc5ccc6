import type {Readable, Writable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {DriverError} from './driver.ts';

export type FedProgram = {
  readonly stdin: Writable;
  /** Resolves once it has ended, to what was wrong with that. */
  readonly failure: Promise<DriverError | undefined>;
};

/**
 * Gives a program its input and waits for its end. Throws DriverError with what was wrong first: the input that did not arrive, or the program that read no
 * more of it. One whose input has not arrived is left waiting, for the caller to end.
 */
export async function feedProgram(
  content: Readable,
  {stdin, failure}: FedProgram,
  signal: AbortSignal,
): Promise<void> {
  let cutOff: DriverError | undefined;
  async function* pieces() {
    try {
      yield* content as AsyncIterable<Buffer>;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      cutOff = new DriverError('Internal', `what is to be imported did not arrive: ${reason}`, {cause});
      throw cutOff;
    }
  }
  try {
    await pipeline(pieces, stdin, {signal});
  } catch (cause) {
    if (signal.aborted) throw new DriverError('TimedOut', 'it was given up', {cause: signal.reason});
    if (cutOff !== undefined) throw cutOff;
    throw (await failure) ?? new DriverError('Internal', 'a program did not read its input', {cause});
  }
  const failed = await failure;
  if (failed !== undefined) throw failed;
}
