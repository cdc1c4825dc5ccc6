import type {Random} from '../effects/random.ts';
import {loadSecretFile} from './secret-file.ts';

const length = 32;

/**
 * The server's key (AES-256) in the file at `path`, mode 0600; made on the first call. Two processes that make it at once get the same one.
 * Throws when the file holds something else: nothing that was encrypted could be read with a new key.
 */
export async function loadSecretKey(path: string, random: Random): Promise<Uint8Array> {
  const file = {
    make: () => `${Buffer.from(random.bytes(length)).toString('base64')}\n`,
    parse(content: string) {
      const key = Buffer.from(content.trim(), 'base64');
      return key.length === length ? key : undefined;
    },
    complaint: `does not hold a key of ${length} bytes in base64; restore it from a backup, or remove it and set all credentials again`,
  };
  return await loadSecretFile(path, file, random);
}
