import type {Readable} from 'node:stream';
import {PassThrough} from 'node:stream';
import type {SetupEvent} from '../node-setup/messages.ts';
import {toProblem} from './error-response.ts';

/** The media type of a stream of JSON objects, one a line. */
export const linesType = 'application/x-ndjson';

/** Bytes that wait to be read, at which the progress of steps is told no more until they are. */
const mostWaiting = 262_144;

/** Characters of one text: what a public key takes, and more than anybody reads. */
const longestText = 4000;

/**
 * Runs the work, and gives what it reports as it comes: a JSON object a line. What it throws is the last line. Much of it is what a machine said that may be
 * anybody's: texts are of one line, without what a terminal would obey, and no more of them wait than fit a small memory.
 */
export function setupStream(
  work: (report: (event: SetupEvent) => void) => Promise<void>,
  signal: AbortSignal,
): Readable {
  const stream = new PassThrough();
  // Who does not listen any more is told nothing; that the work ends is up to the signal.
  stream.on('error', () => {});
  const report = (event: SetupEvent) => {
    const isTooMuch = event.type === 'progress' && stream.writableLength > mostWaiting;
    if (stream.writable && !isTooMuch) {
      stream.write(`${JSON.stringify(event, plain)}\n`);
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

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'string'
    ? value
        .slice(0, longestText)
        .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
        .trimEnd()
    : value;
}
