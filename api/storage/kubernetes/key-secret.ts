import {z} from 'zod';
import type {KeySet, SharedKeys} from '../shared-keys.ts';
import {isStorageError, StorageError} from '../storage-error.ts';
import {ApiServerError} from './api-failure.ts';
import type {ApiResources} from './api-resources.ts';

const plural = 'secrets';
const name = 'nexus-server';

/** Others that write at the same time, before this one gives up. */
const maximumAttempts = 20;

const schema = z.object({
  metadata: z.object({resourceVersion: z.string()}),
  data: z.record(z.string(), z.string()).default({}),
});

/** The Secret `nexus-server` of a namespace. `api`: of the core group. */
export function createKeySecret(api: ApiResources, namespace: string): SharedKeys {
  const place = `Secret ${name} of namespace ${namespace}`;

  /** Undefined when there is none. */
  const read = async () => {
    try {
      const {metadata, data} = schema.parse(await api.get(plural, name));
      return {version: metadata.resourceVersion, data, keys: decoded(data)};
    } catch (error) {
      if (isStorageError(error, 'NotFound')) {
        return undefined;
      }

      throw error;
    }
  };

  const ensure: SharedKeys['ensure'] = async propose => {
    for (let attempt = 1; ; attempt += 1) {
      const present = await read();
      const wanted = await propose(present?.keys ?? {});
      const missing = Object.keys(wanted).filter(key => present?.keys[key] === undefined);
      if (present !== undefined && missing.length === 0) {
        return present.keys;
      }

      const body = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {name, ...(present && {resourceVersion: present.version})},
        type: 'Opaque',
        // What else somebody keeps there stays.
        data: {...encoded(wanted), ...present?.data},
      };
      try {
        await (present === undefined ? api.create(plural, body) : api.replace(plural, name, {body}));
      } catch (error) {
        const isRace = (['Conflict', 'AlreadyExists', 'NotFound'] as const).some(code =>
          isStorageError(error, code),
        );
        if (!isRace || attempt === maximumAttempts) {
          throw error;
        }
      }
    }
  };

  return {
    place,
    async ensure(propose) {
      try {
        return await ensure(propose);
      } catch (error) {
        // An API server for custom resources alone, which has no core group.
        if (error instanceof ApiServerError && error.code === 404) {
          return undefined;
        }

        if (isStorageError(error, 'Forbidden')) {
          throw new StorageError(
            'Forbidden',
            `The server may not keep its keys in the ${place}: let it get, create and update that, or give it a folder with the keys (--keys). ${error.message}`,
            {cause: error},
          );
        }

        throw error;
      }
    },
  };
}

function encoded(keys: KeySet): KeySet {
  return Object.fromEntries(
    Object.entries(keys).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
}

function decoded(data: KeySet): KeySet {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
  );
}
