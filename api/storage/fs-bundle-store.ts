import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {mkdir, open, readdir, rename, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import type {Readable} from 'node:stream';
import type {Random} from '../effects/random.ts';
import type {BundleStore} from './bundle-store.ts';
import {StorageError} from './storage-error.ts';

/** Bundles as files in `directory`, each named by its digest. What is being received has another name until it is whole and proven. */
export function createFsBundleStore({directory, random}: {directory: string; random: Random}): BundleStore {
  const pathOf = (digest: string) => join(directory, checkDigest(digest));

  return {
    async has(digest) {
      return (await sizeOf(pathOf(digest))) !== undefined;
    },
    async put(digest, content, limit) {
      const path = pathOf(digest);
      await mkdir(directory, {recursive: true, mode: 0o700});
      const part = join(directory, `.part-${random.uuid()}`);
      try {
        await receive(part, {content, digest, limit});
        await rename(part, path);
      } finally {
        await rm(part, {force: true});
      }
    },
    async open(digest) {
      const path = pathOf(digest);
      const size = await sizeOf(path);
      if (size === undefined) {
        throw new StorageError('NotFound', `There is no bundle ${digest}`);
      }

      return {size, content: createReadStream(path)};
    },
    async list() {
      const names = await readdir(directory).catch(ifAbsent([]));
      const bundles = await Promise.all(
        names.filter(isDigest).map(async digest => {
          const found = await stat(join(directory, digest)).catch(ifAbsent(undefined));
          return found === undefined ? [] : [{digest, storedAt: found.mtimeMs}];
        }),
      );
      return bundles.flat();
    },
    async delete(digest) {
      await rm(pathOf(digest), {force: true});
    },
  };
}

async function receive(
  path: string,
  {content, digest, limit}: {content: Readable; digest: string; limit: number},
): Promise<void> {
  const hash = createHash('sha256');
  let size = 0;
  await using file = await open(path, 'wx', 0o600);
  for await (const chunk of content) {
    size += chunk.length;
    if (size > limit) {
      throw new StorageError('Invalid', `The bundle is larger than ${limit} bytes, which is the limit here`);
    }

    hash.update(chunk);
    await file.writeFile(chunk);
  }

  const actual = hash.digest('hex');
  if (actual !== digest) {
    throw new StorageError(
      'Invalid',
      `The bundle's SHA-256 is ${actual}, not ${digest}: it was cut off or changed`,
    );
  }

  await file.sync();
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(({size}) => size, ifAbsent(undefined));
}

/** For `catch`: `value` when there is no such file. */
function ifAbsent<T>(value: T): (error: unknown) => T {
  return error => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return value;
    }

    throw error;
  };
}

function isDigest(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

/** Also what keeps a path inside the directory. */
function checkDigest(digest: string): string {
  if (!isDigest(digest)) {
    throw new StorageError('Invalid', `"${digest.slice(0, 100)}" is not a SHA-256 in hexadecimal`);
  }

  return digest;
}
