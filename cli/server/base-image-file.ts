import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {stat} from 'node:fs/promises';
import {pipeline} from 'node:stream/promises';
import type {BaseImage} from '../../controller/node-setup/base-images.ts';

/** As `uname -m` says it. */
const architectures: Readonly<Record<string, string>> = {x64: 'x86_64', arm64: 'aarch64'};

/** An image that hack/build-image has baked on this machine, and for its kind; undefined when there is none. Its digest is made again when the file is another. */
export function createBaseImageFile(file: string): () => Promise<BaseImage | undefined> {
  let known: {readonly mark: string; readonly image: BaseImage} | undefined;
  return async () => {
    const found = await stat(file).catch(() => undefined);
    if (found === undefined || !found.isFile()) {
      return undefined;
    }

    const mark = `${found.ino} ${found.size} ${found.mtimeMs}`;
    if (known?.mark !== mark) {
      const hash = createHash('sha256');
      await pipeline(createReadStream(file), hash);
      known = {
        mark,
        image: {
          file,
          digest: hash.digest('hex'),
          size: found.size,
          architecture: architectures[process.arch] ?? process.arch,
        },
      };
    }

    return known.image;
  };
}
