import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {mkdir, readdir, readFile, rename, rm, stat} from 'node:fs/promises';
import {basename, join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {z} from 'zod';
import {DriverError} from '../driver.ts';
import {writeFileAtomically} from '../system/atomic-file.ts';
import {isMissing, wrapped} from './machine-folders.ts';
import {runProgram} from './run-program.ts';

/** What machines are made of: for each image a folder with disk, kernel and initrd, named by the SHA-256 of the file that it came from. */
export type Images = {
  find(alias: string): Promise<Image | undefined>;
  /** Of a digest that a machine was made with. Throws ImageNotFound. */
  byDigest(digest: string): Promise<Image>;
  import(tarball: string, alias: string, signal?: AbortSignal): Promise<void>;
  /** Removes those without an alias that no machine needs. */
  removeUnused(needed: ReadonlySet<string>): Promise<void>;
};

export type Image = {
  readonly digest: string;
  readonly folder: string;
  /** Bytes: a smaller disk can't hold it. */
  readonly disk: number;
};

/** In an image's folder. */
export const imageFiles = {
  metadata: 'metadata.json',
  kernel: 'vmlinuz',
  initrd: 'initrd',
  disk: 'disk.qcow2',
};

const metadata = z.object({version: z.literal(1), architecture: z.string(), disk: z.int()});
const aliases = z.record(z.string(), z.string());

const tarballSuffix = /\.tar\.zst$/;

export function createImages(folder: string): Images {
  const aliasFile = join(folder, 'aliases.json');

  async function readAliases(): Promise<Readonly<Record<string, string>>> {
    try {
      return aliases.parse(JSON.parse(await readFile(aliasFile, 'utf8')));
    } catch (error) {
      if (isMissing(error)) return {};
      throw wrapped(error, `${aliasFile} can't be read`);
    }
  }

  async function at(digest: string): Promise<Image | undefined> {
    const path = join(folder, digest);
    try {
      const {disk} = metadata.parse(JSON.parse(await readFile(join(path, imageFiles.metadata), 'utf8')));
      return {digest, folder: path, disk};
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw wrapped(error, `the image in ${path} can't be used`);
    }
  }

  async function unpack(file: string, digest: string, signal: AbortSignal | undefined): Promise<void> {
    const half = join(folder, `.half-${digest}`);
    await rm(half, {recursive: true, force: true});
    await mkdir(half, {recursive: true, mode: 0o700});
    const {exitCode, stderr} = await runProgram(
      'tar',
      ['--extract', '--no-same-owner', '--file', file, '--directory', half, ...Object.values(imageFiles)],
      {timeout: 600_000, ...(signal === undefined ? {} : {signal})},
    );
    if (exitCode !== 0) {
      await rm(half, {recursive: true, force: true});
      const code = /no space left/i.test(stderr) ? 'NoSpace' : 'Internal';
      throw new DriverError(code, `${file} can't be unpacked: ${stderr.trim()}`);
    }
    await rename(half, join(folder, digest));
  }

  return {
    async find(alias) {
      const digest = (await readAliases())[alias];
      return digest === undefined ? undefined : await at(digest);
    },

    async byDigest(digest) {
      const image = await at(digest);
      if (image === undefined) {
        throw new DriverError(
          'ImageNotFound',
          `the image that the machine was made of is gone: ${join(folder, digest)}`,
        );
      }
      return image;
    },

    async import(tarball, alias, signal) {
      const file = tarball.replace(tarballSuffix, '.machine.tar');
      const name = basename(file);
      if ((await stat(file).catch(() => undefined)) === undefined) {
        throw new DriverError(
          'ImageNotFound',
          `${file} is missing, which QEMU boots; make it with: hack/build-image --machine --output ${tarball}`,
        );
      }
      try {
        const digest = await digestOf(file, signal);
        if ((await at(digest)) === undefined) await unpack(file, digest, signal);
        const present = await readAliases();
        if (present[alias] !== digest) {
          await writeFileAtomically(aliasFile, `${JSON.stringify({...present, [alias]: digest})}\n`);
        }
      } catch (error) {
        if (signal?.aborted) {
          throw new DriverError('TimedOut', `importing ${name} was given up`, {cause: signal.reason});
        }
        throw wrapped(error, `${name} can't be imported`);
      }
    },

    async removeUnused(needed) {
      const kept = new Set([...needed, ...Object.values(await readAliases())]);
      const names = await readdir(folder).catch(() => []);
      await Promise.all(
        names
          .filter(name => /^(?:\.half-)?[0-9a-f]{64}$/.test(name) && !kept.has(name))
          .map(async name => await rm(join(folder, name), {recursive: true, force: true})),
      );
    },
  };
}

async function digestOf(file: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash, signal === undefined ? {} : {signal});
  return hash.digest('hex');
}
