import {closeSync, openSync, renameSync, rmSync, statSync, writeSync} from 'node:fs';
import pino from 'pino';
import type {Logger} from '../../api/effects/logger.ts';

const longest = 8 * 2 ** 20;
const kept = 3;

/** JSON lines in a file that only its owner reads; a file that has become 8 MiB long is kept as `.1`, that one as `.2`, up to `.3`. */
export function openLogFile(path: string, level = 'info'): Logger {
  let file = openSync(path, 'a', 0o600);
  let length = statSync(path).size;

  const rotate = () => {
    closeSync(file);
    rmSync(`${path}.${kept}`, {force: true});
    for (let number = kept - 1; number >= 0; number -= 1) {
      try {
        renameSync(number === 0 ? path : `${path}.${number}`, `${path}.${number + 1}`);
      } catch {
        // There are not that many yet.
      }
    }
    file = openSync(path, 'a', 0o600);
    length = 0;
  };

  return pino(
    {level, errorKey: 'error', base: null, timestamp: pino.stdTimeFunctions.isoTime},
    {
      write(line: string) {
        // Written at once: the last line before a crash is the one that is wanted.
        length += writeSync(file, line);
        if (length > longest) {
          rotate();
        }
      },
    },
  );
}
