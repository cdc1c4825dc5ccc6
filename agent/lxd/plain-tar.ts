import {Readable} from 'node:stream';
import {DriverError} from '../driver.ts';

/** Of a header, whose format tells itself at this place. */
const blockLength = 512;
const magicAt = 257;
const magic = 'ustar';

/**
 * Passes on what is a tarball as it is. What is compressed, which the backend would unpack as well, fails: bytes that come would not tell any more how
 * many are written.
 */
export function plainTar(source: Readable): Readable {
  async function* pieces() {
    let held: Buffer | undefined = Buffer.alloc(0);
    for await (const piece of source as AsyncIterable<Buffer>) {
      if (held === undefined) {
        yield piece;
        continue;
      }
      held = Buffer.concat([held, piece]);
      if (held.length < blockLength) continue;
      if (held.toString('latin1', magicAt, magicAt + magic.length) !== magic) break;
      yield held;
      held = undefined;
    }
    if (held !== undefined) throw new DriverError('Internal', 'what arrived is no plain tarball');
  }
  const checked = Readable.from(pieces(), {objectMode: false});
  checked.once('close', () => source.destroy());
  return checked;
}
