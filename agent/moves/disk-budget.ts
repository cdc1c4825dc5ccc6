import {Readable} from 'node:stream';
import {formatBytes} from '../../api/v1alpha1/quantity.ts';
import type {Transfer} from '../driver.ts';
import {DriverError} from '../driver.ts';

/** Bytes beside what is on the disk, such as a machine's kernel. */
const apart = 2 ** 26;

/**
 * Bytes that an instance with so much disk may have on its way. Packing adds a header to each file; unless nearly all of them are tiny, a full disk is not
 * twice as large with these. Backends keep to their quotas besides: this bounds what they write before one holds, and those that have none.
 */
export function diskBudget(disk: number): number {
  return disk * 2 + apart;
}

/** An import that is broken off, with NoSpace, once more has come than its limits account for; one without limits is not watched. */
export function withinBudget(importInstance: Transfer['import']): Transfer['import'] {
  return async (options, signal) => {
    if (options.limits === undefined) return await importInstance(options, signal);

    const {content: source, limits} = options;
    const most = diskBudget(limits.disk);
    let overrun: DriverError | undefined;
    async function* pieces() {
      let length = 0;
      for await (const piece of source as AsyncIterable<Buffer>) {
        length += piece.length;
        if (length > most) {
          const message = `a workspace of ${formatBytes(limits.disk)} was expected, and more than ${formatBytes(most)} arrived`;
          overrun = new DriverError('NoSpace', message);
          throw overrun;
        }
        yield piece;
      }
    }
    const content = Readable.from(pieces(), {objectMode: false});
    content.once('close', () => source.destroy());
    try {
      return await importInstance({...options, content}, signal);
    } catch (error) {
      // The backend tells that its input broke off; this is why.
      throw overrun ?? error;
    }
  };
}
