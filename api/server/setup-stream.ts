import type {Readable} from 'node:stream';
import {PassThrough} from 'node:stream';
import type {SetupEvent} from '../node-setup/messages.ts';
import {toProblem} from './error-response.ts';

/** The media type of a stream of JSON objects, one a line. */
export const linesType = 'application/x-ndjson';

/** Runs the work, and gives what it reports as it comes: a JSON object a line. What it throws is the last line. */
export function setupStream(
  work: (report: (event: SetupEvent) => void) => Promise<void>,
  signal: AbortSignal,
): Readable {
  const stream = new PassThrough();
  // Who does not listen any more is told nothing; that the work ends is up to the signal.
  stream.on('error', () => {});
  const report = (event: SetupEvent) => {
    if (stream.writable) {
      stream.write(`${JSON.stringify(event)}\n`);
    }
  };
  work(report)
    .catch((error: unknown) => {
      if (!signal.aborted) {
        const {code, message, hint} = toProblem(error);
        report({type: 'error', code, message, ...(hint === undefined ? {} : {hint})});
      }
    })
    .finally(() => stream.end());
  return stream;
}
