import type {Readable} from 'node:stream';
import {z} from 'zod';
import {DriverError, isDriverError} from '../driver.ts';
import type {Client} from './client.ts';
import type {Names} from './names.ts';
import type {RawInstance} from './observe.ts';
import type {Operations} from './operation.ts';
import {plainTar} from './plain-tar.ts';

/** Images that are there for the length of a transfer only. */
export type TransferImages = {
  /** Of a stopped instance. It is removed once `content` is closed. */
  publish(
    raw: RawInstance,
    signal: AbortSignal,
  ): Promise<{readonly content: Readable; readonly size: number}>;
  /** Removed when it is disposed of. */
  upload(
    uid: string,
    content: Readable,
    signal: AbortSignal,
  ): Promise<AsyncDisposable & {readonly fingerprint: string}>;
};

export type TransferImagesOptions = {
  readonly client: Client;
  readonly operations: Operations;
  readonly names: Names;
};

/** The property by which they are told from all others. */
const property = 'nexus.transfer';

const image = z.object({fingerprint: z.string(), properties: z.record(z.string(), z.string()).nullish()});
const made = z.object({fingerprint: z.string()});

export function createTransferImages({client, operations, names}: TransferImagesOptions): TransferImages {
  const query = {project: names.project};
  /** Uids whose images are in use. */
  const busy = new Set<string>();

  async function remove(fingerprint: string): Promise<void> {
    try {
      await operations.finish(await client.call('DELETE', `/1.0/images/${fingerprint}`, {query}));
    } catch (error) {
      if (!isDriverError(error, 'NotFound')) throw error;
    }
  }

  /** Those that were left behind when an agent or a backend died. */
  async function sweep(): Promise<void> {
    const listed = await client.get('/1.0/images', z.array(image), {query: {...query, recursion: '1'}});
    for (const {fingerprint, properties} of listed) {
      const uid = properties?.[property];
      if (uid !== undefined && !busy.has(uid)) await remove(fingerprint);
    }
  }

  async function begin(uid: string): Promise<Disposable> {
    if (busy.has(uid)) throw new DriverError('NotPermittedNow', 'it is being transferred already');
    await sweep();
    busy.add(uid);
    return {[Symbol.dispose]: () => void busy.delete(uid)};
  }

  return {
    async publish({name, config}, signal) {
      const uid = config['user.nexus.uid'] ?? name;
      using stack = new DisposableStack();
      stack.use(await begin(uid));
      const properties = Object.fromEntries(
        Object.entries(config)
          .filter(([key]) => key.startsWith('image.'))
          .map(([key, value]) => [key.slice('image.'.length), value]),
      );
      const body = {
        compression_algorithm: 'none',
        source: {type: 'instance', name},
        properties: {...properties, [property]: uid},
      };
      const answer = await client.call('POST', '/1.0/images', {query, body, signal});
      const {fingerprint} = made.parse(await operations.finish(answer, signal));
      try {
        const {headers, body: content} = await client.download(`/1.0/images/${fingerprint}/export`, {
          query,
          signal,
        });
        const use = stack.move();
        content.once('close', () => {
          void remove(fingerprint)
            .catch(() => {})
            .finally(() => use.dispose());
        });
        return {content, size: Number(headers['content-length'])};
      } catch (error) {
        await remove(fingerprint).catch(() => {});
        throw error;
      }
    },

    async upload(uid, content, signal) {
      using stack = new DisposableStack();
      stack.use(await begin(uid));
      const answer = await client.call('POST', '/1.0/images', {
        query,
        content: plainTar(content),
        unlimited: true,
        signal,
      });
      const {fingerprint} = made.parse(await operations.finish(answer, signal));
      const use = stack.move();
      return {
        fingerprint,
        async [Symbol.asyncDispose]() {
          using _ = use;
          await remove(fingerprint);
        },
      };
    },
  };
}
