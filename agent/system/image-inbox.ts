import {createHash} from 'node:crypto';
import {createReadStream, createWriteStream} from 'node:fs';
import {mkdir, readdir, rm, stat, truncate, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import type {ImageForm} from '../../api/node-setup/image-form.ts';
import {readIfThere} from './agent-home.ts';

/** What is wanted: SHA-256 of the whole, hexadecimal, and bytes. */
export type WantedImage = {readonly digest: string; readonly size: number};

/**
 * Where an image comes in that the server sends over a connection which may break: what has arrived is kept and gone on with, and the whole counts only
 * when its SHA-256 is right. Each form has an inbox of its own: what comes into one leaves the other as it is.
 */
export type ImageInbox = {
  /** The image that was taken out last. */
  current(): Promise<string | undefined>;
  /** Bytes of it that are here. */
  received(digest: string): Promise<number>;
  /**
   * Takes the rest, from `offset` on, and resolves to the path of the whole. Rejects when it is cut off, which loses nothing, and when the bytes are not
   * those that were wanted, which are then thrown away.
   */
  receive(wanted: WantedImage, offset: number, source: Readable): Promise<string>;
  /** It has been imported: the file goes, its digest is remembered. */
  done(digest: string): Promise<void>;
};

/** The names of containers' images are those of agents that knew no other form. */
const names: Readonly<Record<ImageForm, {readonly current: string; readonly part: string}>> = {
  container: {current: 'current', part: '.partial'},
  machine: {current: 'current-machine', part: '.machine-partial'},
};

export function createImageInbox(home: string, form: ImageForm): ImageInbox {
  const folder = join(home, 'images');
  const {current, part} = names[form];
  const currentFile = join(folder, current);
  const partOf = (digest: string) => join(folder, `${digest}${part}`);
  const received = async (digest: string) =>
    await stat(partOf(digest)).then(
      ({size}) => size,
      () => 0,
    );

  return {
    current: async () => (await readIfThere(currentFile))?.trim(),
    received,
    async receive({digest, size}, offset, source) {
      await mkdir(folder, {recursive: true, mode: 0o700});
      // Parts of other images are of no use any more.
      for (const name of await readdir(folder)) {
        if (name.endsWith(part) && name !== `${digest}${part}`) {
          await rm(join(folder, name), {force: true});
        }
      }
      const file = partOf(digest);
      if ((await received(digest)) < offset) {
        throw new Error(`there are no ${offset} bytes of that image here`);
      }
      if (offset > 0) {
        await truncate(file, offset);
      }
      await pipeline(source, createWriteStream(file, {flags: offset > 0 ? 'a' : 'w', mode: 0o600}));
      const arrived = await received(digest);
      if (arrived < size) {
        throw new Error(`the image was cut off after ${arrived} of ${size} bytes`);
      }
      const hash = createHash('sha256');
      await pipeline(createReadStream(file), hash);
      if (arrived > size || hash.digest('hex') !== digest) {
        await rm(file, {force: true});
        throw new Error('the image that arrived is not the one that was sent; it was thrown away');
      }
      return file;
    },
    async done(digest) {
      await writeFile(currentFile, `${digest}\n`, {mode: 0o600});
      await rm(partOf(digest), {force: true});
    },
  };
}
