import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {pipeline} from 'node:stream/promises';
import {z} from 'zod';
import {DriverError, isDriverError} from '../driver.ts';
import type {Client} from './client.ts';
import type {ImageSource} from './image-source.ts';
import {imageSource, mayBeRemote} from './image-source.ts';
import type {Names} from './names.ts';
import type {Operations} from './operation.ts';
import {readServer} from './server.ts';

const alias = z.object({target: z.string()});
const image = z.object({fingerprint: z.string(), aliases: z.array(z.object({name: z.string()}))});

export type Images = {
  /** Whether the project holds an image of this alias. */
  present(name: string): Promise<boolean>;
  /** Where an instance of this image comes from. */
  source(name: string): Promise<ImageSource>;
  /**
   * Brings a unified tarball into the project under this alias, and into the pool, so that the first instance is cloned and not unpacked.
   * An older image that loses its last alias by it is removed. Does nothing if that very tarball is there.
   */
  import(tarball: string, name: string, signal?: AbortSignal): Promise<void>;
};

export type ImagesOptions = {
  readonly client: Client;
  readonly operations: Operations;
  readonly names: Names;
};

export function createImages({client, operations, names}: ImagesOptions): Images {
  const query = {project: names.project};
  const aliasPath = (name: string) => `/1.0/images/aliases/${encodeURIComponent(name)}`;
  const findAlias = async (name: string) => await client.find(aliasPath(name), alias, {query});

  async function upload(tarball: string, fingerprint: string, signal?: AbortSignal): Promise<void> {
    if ((await client.find(`/1.0/images/${fingerprint}`, image, {query, signal})) !== undefined) return;

    const answer = await client.call('POST', '/1.0/images', {
      query,
      content: createReadStream(tarball),
      unlimited: true,
      signal,
    });
    await operations.finish(answer, signal).catch((error: unknown) => {
      if (!(error instanceof DriverError && /already exists/i.test(error.message))) throw error;
    });
  }

  async function point(name: string, target: string): Promise<void> {
    const present = await findAlias(name);
    if (present === undefined) {
      await client.call('POST', '/1.0/images/aliases', {query, body: {name, target}});
      return;
    }
    if (present.target === target) return;

    await client.call('PUT', aliasPath(name), {query, body: {description: '', target}});
    const old = await client.find(`/1.0/images/${present.target}`, image, {query});
    if (old?.aliases.length === 0) {
      await remove(`/1.0/images/${old.fingerprint}`);
    }
  }

  /** The backend unpacks an image into the pool when the first instance is made of it: let that be this one. */
  async function unpack(fingerprint: string, signal?: AbortSignal): Promise<void> {
    const name = `unpack-${fingerprint.slice(0, 12)}`;
    const root = {type: 'disk', path: '/', pool: names.pool};
    const body = {
      name,
      type: 'container',
      source: {type: 'image', fingerprint},
      profiles: [],
      devices: {root},
    };
    await operations.settle(name, signal);
    await remove(`/1.0/instances/${name}`);
    await operations.finish(await client.call('POST', '/1.0/instances', {query, body, signal}), signal);
    await remove(`/1.0/instances/${name}`);
  }

  async function remove(path: string): Promise<void> {
    try {
      await operations.finish(await client.call('DELETE', path, {query}));
    } catch (error) {
      if (!isDriverError(error, 'NotFound')) throw error;
    }
  }

  return {
    async present(name) {
      return (await findAlias(name)) !== undefined;
    },

    async source(name) {
      if (!mayBeRemote(name)) return {type: 'image', alias: name};
      const [{backend}, found] = await Promise.all([readServer(client), findAlias(name)]);
      return imageSource(name, {backend, isLocalAlias: found !== undefined});
    },

    async import(tarball, name, signal) {
      const fingerprint = await digestOf(tarball, signal);
      if ((await findAlias(name))?.target === fingerprint) return;

      await upload(tarball, fingerprint, signal);
      await unpack(fingerprint, signal);
      await point(name, fingerprint);
    },
  };
}

/** The backend's own fingerprint of a unified image is the SHA-256 of its tarball. */
async function digestOf(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash, signal === undefined ? {} : {signal});
  } catch (error) {
    if (isDriverError(error)) throw error;
    throw new DriverError('ImageNotFound', `the image ${path} can't be read`, {cause: error});
  }

  return hash.digest('hex');
}
