import {createHash, randomUUID} from 'node:crypto';
import {createReadStream, createWriteStream} from 'node:fs';
import {mkdir, open, readdir, rename, rm, stat, utimes} from 'node:fs/promises';
import {join} from 'node:path';
import {Transform} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {BundleCache} from '../repository/bundle-cache.ts';

/** Bundles are needed for a clone or a fetch only; this many bytes of those used last are kept. */
const keptBytes = 2 * 2 ** 30;

export async function openFsBundleCache(folder: string): Promise<BundleCache> {
  await mkdir(folder, {recursive: true, mode: 0o700});
  const pathOf = (digest: string) => {
    if (!/^[0-9a-f]{64}$/.test(digest)) {
      throw new AgentError('Invalid', `${digest} is not a SHA-256 in hexadecimal`);
    }
    return join(folder, digest);
  };
  for (const name of await readdir(folder)) {
    if (name.endsWith('.part')) {
      await rm(join(folder, name), {force: true});
    }
  }

  const exists = async (path: string) => {
    try {
      return (await stat(path)).isFile();
    } catch {
      return false;
    }
  };

  const evict = async (newest: string) => {
    const files = await Promise.all(
      (await readdir(folder)).map(async name => ({
        name,
        ...(await stat(join(folder, name)).catch(() => undefined)),
      })),
    );
    let total = 0;
    for (const {name, size = 0} of files.toSorted((a, b) => (b.mtimeMs ?? 0) - (a.mtimeMs ?? 0))) {
      total += size;
      if (total > keptBytes && name !== newest && !name.endsWith('.part')) {
        await rm(join(folder, name), {force: true});
      }
    }
  };

  return {
    has: async digest => await exists(pathOf(digest)),

    async put(digest, content, {size, signal}) {
      const path = pathOf(digest);
      const temporary = `${path}.${randomUUID()}.part`;
      const hash = createHash('sha256');
      let length = 0;
      const verify = new Transform({
        transform(chunk: Buffer, _encoding, callback) {
          hash.update(chunk);
          length += chunk.length;
          callback(
            length > size
              ? new AgentError('Invalid', `the bundle is longer than the ${size} bytes announced`)
              : null,
            chunk,
          );
        },
      });
      try {
        await pipeline(
          content,
          verify,
          createWriteStream(temporary, {flags: 'wx', mode: 0o600, flush: true}),
          {signal},
        );
        if (length !== size || hash.digest('hex') !== digest) {
          throw new AgentError('Invalid', 'the bundle is not what its SHA-256 says; upload it again');
        }
        await rename(temporary, path);
        await evict(digest);
      } finally {
        await rm(temporary, {force: true});
      }
    },

    async open(digest) {
      const path = pathOf(digest);
      if (!(await exists(path))) {
        throw new AgentError('NotFound', `the bundle ${digest} is not on this node`);
      }
      const now = new Date();
      await utimes(path, now, now);
      const file = await open(path);
      return createReadStream('', {fd: file});
    },
  };
}
