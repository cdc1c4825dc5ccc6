import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {mkdir, open, readdir, rename, rm, stat, utimes} from 'node:fs/promises';
import {join} from 'node:path';
import type {Readable} from 'node:stream';
import type {Clock} from '../effects/clock.ts';
import type {Random} from '../effects/random.ts';
import type {BundleStore} from './bundle-store.ts';
import {BundleStoreFull} from './bundle-store.ts';
import {StorageError} from './storage-error.ts';

export type FsBundleStoreOptions = {
  readonly directory: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  /** Bytes of all bundles together; 20 GiB by default. */
  readonly capacity?: number;
};

const partPrefix = '.part-';
/** Milliseconds after which what is only partly there was left by a process that died. */
const longestUpload = 24 * 3_600_000;

/** Bundles as files in `directory`, each named by its digest. What is being received has another name until it is whole and proven. */
export function createFsBundleStore(options: FsBundleStoreOptions): BundleStore {
  const {directory, clock, random, capacity = 20 * 2 ** 30} = options;
  const pathOf = (digest: string) => join(directory, checkDigest(digest));

  /** Bytes that are taken, also by uploads that go on; those that never will be whole are removed. */
  const occupied = async (): Promise<number> => {
    const names = await readdir(directory);
    const sizes = await Promise.all(
      names.map(async name => {
        const path = join(directory, name);
        const found = await stat(path).catch(ifAbsent(undefined));
        if (found === undefined) return 0;
        if (!name.startsWith(partPrefix) || clock.now() - found.mtimeMs < longestUpload) return found.size;
        await rm(path, {force: true});
        return 0;
      }),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  };
  const full = () =>
    new BundleStoreFull(`The server holds ${capacity} bytes of uploaded commits, which is the limit`);

  return {
    async has(digest) {
      const now = clock.now() / 1000;
      return utimes(pathOf(digest), now, now).then(() => true, ifAbsent(false));
    },
    async put(digest, content, limit) {
      const path = pathOf(digest);
      await mkdir(directory, {recursive: true, mode: 0o700});
      const room = capacity - (await occupied());
      if (room <= 0) throw full();

      const part = join(directory, `${partPrefix}${random.uuid()}`);
      try {
        await receive(part, {content, digest, limit, room, full});
        // Others may have taken the room meanwhile.
        if ((await occupied()) > capacity) throw full();
        const now = clock.now() / 1000;
        await utimes(part, now, now);
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

type Upload = {
  readonly content: Readable;
  readonly digest: string;
  readonly limit: number;
  /** Bytes that are free. */
  readonly room: number;
  readonly full: () => BundleStoreFull;
};

async function receive(path: string, {content, digest, limit, room, full}: Upload): Promise<void> {
  const hash = createHash('sha256');
  let size = 0;
  await using file = await open(path, 'wx', 0o600);
  for await (const chunk of content) {
    size += chunk.length;
    if (size > limit) {
      throw new StorageError('Invalid', `The bundle is larger than ${limit} bytes, which is the limit here`);
    }

    if (size > room) throw full();
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
