import {chmod, link, open, readFile, rm} from 'node:fs/promises';
import type {Random} from '../effects/random.ts';

export type SecretFile<T> = {
  /** What a new file holds. */
  readonly make: () => string;
  /** Of what a file holds; undefined when it is something else. */
  readonly parse: (content: string) => T | undefined;
  /** What it must hold, and what to do when it does not; the file's path comes before it. */
  readonly complaint: string;
};

/**
 * The secret in the file at `path`, mode 0600; made on the first call. Two processes that make it at once get the same one. Throws when the
 * file holds something else: nobody could use a new one in its place.
 */
export async function loadSecretFile<T>(path: string, secret: SecretFile<T>, random: Random): Promise<T> {
  const known = await read(path, secret);
  if (known !== undefined) {
    return known;
  }

  const part = `${path}.${random.uuid()}`;
  try {
    {
      await using file = await open(part, 'wx', 0o600);
      await file.writeFile(secret.make());
      await file.sync();
    }

    // Unlike a rename, a link never replaces the secret of one who was faster.
    await link(part, path).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) {
        throw error;
      }
    });
  } finally {
    await rm(part, {force: true});
  }

  const made = await read(path, secret);
  if (made === undefined) {
    throw new Error(`${path} ${secret.complaint}`);
  }

  return made;
}

/** Undefined when there is no file. */
async function read<T>(path: string, {parse, complaint}: SecretFile<T>): Promise<T | undefined> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
    await chmod(path, 0o600);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) {
      return undefined;
    }

    throw error;
  }

  const parsed = parse(content);
  if (parsed === undefined) {
    throw new Error(`${path} ${complaint}`);
  }

  return parsed;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
