import type {Readable} from 'node:stream';
import type {Logger} from '../../api/effects/logger.ts';

/** What an agent's process says on its standard error, kept for the message of a failure. */
export type LastLines = {
  /** One line, at most 500 characters; undefined when it said nothing. */
  text(): string | undefined;
};

const kept = 500;

export function createLastLines(source: Readable, log: Logger): LastLines {
  let tail = '';
  source.setEncoding('utf8');
  source.on('error', () => {});
  source.on('data', (chunk: string) => {
    tail = (tail + chunk).slice(-kept);
    log.debug({output: chunk.slice(0, 2000)}, 'the agent said');
  });
  return {
    text() {
      const line = tail.trim().replaceAll(/\s*\n\s*/g, '; ');
      return line === '' ? undefined : line;
    },
  };
}
