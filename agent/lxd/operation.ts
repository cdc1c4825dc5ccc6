import {z} from 'zod';
import {DriverError, isDriverError} from '../driver.ts';
import type {Answer, Client} from './client.ts';
import {codeOfFailure} from './error.ts';

const operation = z.object({
  id: z.string(),
  class: z.string(),
  description: z.string(),
  status_code: z.number(),
  err: z.string(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  resources: z.record(z.string(), z.array(z.string()).nullable()).nullish(),
});

const failed = 400;
const cancelled = 401;

export type Operations = {
  /** The operation's own metadata, once it has succeeded. Giving up waiting leaves it running. */
  wait(id: string, signal?: AbortSignal): Promise<Record<string, unknown>>;
  /** As {@link wait}, for an answer that may already be final. */
  finish(answer: Answer, signal?: AbortSignal): Promise<Record<string, unknown>>;
  /** Resolves once nothing changes this instance any more, whoever began it, however it ends. */
  settle(instance: string, signal?: AbortSignal): Promise<void>;
};

export function createOperations({client, project}: {client: Client; project: string}): Operations {
  async function wait(id: string, signal?: AbortSignal): Promise<Record<string, unknown>> {
    const path = `/1.0/operations/${id}`;
    const ended = await client
      .get(`${path}/wait`, operation, {query: {timeout: '-1'}, signal, unlimited: true})
      .catch(async (error: unknown) => {
        if (!isDriverError(error, 'NotFound')) throw error;
        // Either what it worked on was not found or it is itself unknown: operations live in the daemon's memory and die with it.
        if ((await client.find(path, operation)) !== undefined) throw error;
        throw new DriverError('BackendUnavailable', `operation ${id} was lost by a restart of LXD or Incus`, {
          cause: error,
        });
      });
    if (ended.status_code === failed || ended.status_code === cancelled) {
      throw new DriverError(codeOfFailure({message: ended.err}), `${ended.description}: ${ended.err}`);
    }

    return ended.metadata ?? {};
  }

  return {
    wait,

    async finish(answer, signal) {
      return answer.operation === undefined ? {} : await wait(answer.operation, signal);
    },

    async settle(instance, signal) {
      const listed = await client.get('/1.0/operations', z.record(z.string(), z.array(operation)), {
        query: {recursion: '1', project},
        signal,
      });
      const concerned = Object.values(listed)
        .flat()
        .filter(
          ({status_code, ...each}) => status_code < 200 && each.class === 'task' && touches(each, instance),
        );
      for (const {id} of concerned) {
        await wait(id, signal).catch((error: unknown) => {
          if (signal?.aborted) throw error;
        });
      }
    },
  };
}

function touches({resources}: Pick<z.infer<typeof operation>, 'resources'>, instance: string): boolean {
  return Object.values(resources ?? {})
    .flatMap(paths => paths ?? [])
    .some(path => path.replace(/\?.*$/, '').endsWith(`/${instance}`));
}
