import {chmod, link, open, readFile, rm} from 'node:fs/promises';
import type {Random} from '../effects/random.ts';

const length = 32;

/**
 * The server's key (AES-256) in the file at `path`, mode 0600; made on the first call. Two processes that make it at once get the same one.
 * Throws when the file holds something else: nothing that was encrypted could be read with a new key.
 */
export async function loadSecretKey(path: string, random: Random): Promise<Uint8Array> {
  const known = await readKey(path);
  if (known !== undefined) {
    return known;
  }

  const part = `${path}.${random.uuid()}`;
  try {
    {
      await using file = await open(part, 'wx', 0o600);
      await file.writeFile(`${Buffer.from(random.bytes(length)).toString('base64')}\n`);
      await file.sync();
    }

    // Unlike a rename, a link never replaces the key of one who was faster.
    await link(part, path).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) {
        throw error;
      }
    });
  } finally {
    await rm(part, {force: true});
  }

  return (await readKey(path)) ?? fail(path);
}

async function readKey(path: string): Promise<Uint8Array | undefined> {
  try {
    const key = Buffer.from((await readFile(path, 'utf8')).trim(), 'base64');
    await chmod(path, 0o600);
    return key.length === length ? key : fail(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) {
      return undefined;
    }

    throw error;
  }
}

function fail(path: string): never {
  throw new Error(
    `${path} does not hold a key of ${length} bytes in base64; restore it from a backup, or remove it and set all credentials again`,
  );
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
