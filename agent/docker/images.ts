import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {Readable} from 'node:stream';
import {text} from 'node:stream/consumers';
import {pipeline} from 'node:stream/promises';
import {createZstdDecompress} from 'node:zlib';
import {extract, pack} from 'tar-stream';
import {z} from 'zod';
import {DriverError, isDriverError} from '../driver.ts';
import type {Client} from './client.ts';
import {codeOfFailure} from './error.ts';
import {labels} from './labels.ts';
import type {Names} from './names.ts';

const image = z.object({
  Id: z.string(),
  Config: z.object({Labels: z.record(z.string(), z.string()).nullish()}).nullish(),
});

export type Images = {
  /** Whether there is an image of ours under this alias. */
  present(alias: string): Promise<boolean>;
  /** What Docker calls the image: ours of that alias, else one of that name that the machine has or can pull. */
  source(name: string, signal?: AbortSignal): Promise<string>;
  /** One without any files, made where it is missing: what Docker calls it. */
  empty(signal?: AbortSignal): Promise<string>;
  /** See {@link NodeDriver.importImage}. An older image that loses its name by it is removed. */
  import(tarball: string, alias: string, signal?: AbortSignal): Promise<void>;
};

export type ImagesOptions = {
  readonly client: Client;
  readonly names: Names;
  readonly installation: string;
};

export function createImages({client, names, installation}: ImagesOptions): Images {
  const find = async (reference: string) => await client.find(`/images/${reference}/json`, image);

  /** Docker tells of faults in the middle of an answer that began well. */
  const load = async (query: Readonly<Record<string, string>>, content?: Readable, signal?: AbortSignal) => {
    const {body} = await client.download('POST', '/images/create', {
      query,
      signal,
      ...(content === undefined ? {} : {content}),
    });
    const answer = await text(body);
    const fault = /"error":"((?:[^"\\]|\\.)*)"/.exec(answer)?.[1];
    if (fault !== undefined) throw new DriverError(codeOfFailure({message: fault}), fault);
  };

  return {
    async present(alias) {
      return (await find(names.tag(alias))) !== undefined;
    },

    async source(name, signal) {
      for (const reference of [names.tag(name), name]) {
        if ((await find(reference)) !== undefined) return reference;
      }
      try {
        await load({fromImage: name.includes(':') ? name : `${name}:latest`}, undefined, signal);
        return name;
      } catch (error) {
        if (signal?.aborted || isDriverError(error, 'BackendUnavailable')) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        const message = `the node has no image ${name}, and could not pull it: ${reason}`;
        throw new DriverError('ImageNotFound', message, {cause: error});
      }
    },

    async empty(signal) {
      const name = names.tag('empty');
      if ((await find(name)) === undefined) {
        const changes = `LABEL ${labels.installation}=${installation}`;
        const tar = pack();
        tar.finalize();
        await load({fromSrc: '-', repo: name, tag: 'latest', changes}, Readable.from(tar), signal);
      }
      return name;
    },

    async import(tarball, alias, signal) {
      const digest = await digestOf(tarball, signal);
      const before = await find(names.tag(alias));
      if (before?.Config?.Labels?.[labels.digest] === digest) return;

      const changes = [
        `LABEL ${labels.image}=${alias}`,
        `LABEL ${labels.digest}=${digest}`,
        `LABEL ${labels.installation}=${installation}`,
      ].join('\n');
      const [repo = '', tag = 'latest'] = names.tag(alias).split(':');
      await load({fromSrc: '-', repo, tag, changes}, rootFilesystem(tarball), signal);
      if (before !== undefined) {
        // As long as a workspace is made of it, it stays.
        await client.call('DELETE', `/images/${before.Id}`).catch(() => {});
      }
    },
  };
}

/** The `rootfs/` of a tarball by hack/build-image, as a tar of its own. */
function rootFilesystem(tarball: string): Readable {
  const entries = extract();
  const tar = pack();
  entries.on('entry', (header, stream, next) => {
    const name = inside(header.name);
    if (name === undefined) {
      stream.on('end', next);
      stream.resume();
      return;
    }
    // Not what else extended headers say: a capability of a file (ping's) would only keep it from running, since containers lack it.
    const {type, mode, uid, gid, size, mtime} = header;
    const linkname = type === 'link' ? inside(header.linkname ?? '') : header.linkname;
    const entry = tar.entry(
      {name, type, mode, uid, gid, size, mtime, ...(linkname ? {linkname} : {})},
      error => (error ? tar.destroy(error) : next()),
    );
    stream.pipe(entry);
  });
  entries.on('finish', () => tar.finalize());
  pipeline(createReadStream(tarball), createZstdDecompress(), entries).catch((error: Error) =>
    tar.destroy(error),
  );
  return Readable.from(tar);
}

function inside(name: string): string | undefined {
  const [, rest] = /^(?:\.\/)?rootfs\/(.+)$/.exec(name) ?? [];
  return rest;
}

async function digestOf(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash, signal === undefined ? {} : {signal});
  } catch (error) {
    throw new DriverError('ImageNotFound', `the image ${path} can't be read`, {cause: error});
  }

  return hash.digest('hex');
}
