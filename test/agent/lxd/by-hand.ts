import {z} from 'zod';
import {isDriverError} from '../../../agent/driver.ts';
import {createClient} from '../../../agent/lxd/client.ts';
import {createOperations} from '../../../agent/lxd/operation.ts';
import type {ByHand} from '../../contracts/driver/suite.ts';

/** A second client of the backend, as `lxc` or `incus` would be; it knows nothing of the driver's ways. */
export function lxdByHand(socket: string, project: string): ByHand & AsyncDisposable {
  const client = createClient({socket});
  const operations = createOperations({client, project});
  const query = {project};

  async function change(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<void> {
    await operations.finish(await client.call(method, path, {query, ...(body === undefined ? {} : {body})}));
  }

  const setState = async (name: string, action: string, force = false) =>
    await change('PUT', `/1.0/instances/${name}/state`, {action, force, timeout: -1});

  return {
    start: async name => await setState(name, 'start'),
    stop: async name => await setState(name, 'stop', true),
    freeze: async name => await setState(name, 'freeze'),
    rename: async (name, to) => await change('POST', `/1.0/instances/${name}`, {name: to}),
    delete: async name => await change('DELETE', `/1.0/instances/${name}`),

    async copy(name, to) {
      const original = await client.get(
        `/1.0/instances/${name}`,
        z.looseObject({config: z.record(z.string(), z.string())}),
        {query},
      );
      // As the command line does: everything but what the backend keeps for itself.
      const config = Object.fromEntries(
        Object.entries(original.config).filter(([key]) => !key.startsWith('volatile.')),
      );
      const source = {type: 'copy', source: name, project};
      await change('POST', '/1.0/instances', {...original, name: to, config, source});
    },

    async createForeign(name) {
      await change('POST', '/1.0/instances', {name, type: 'container', source: {type: 'none'}});
    },

    async stateOf(name) {
      try {
        const {status} = await client.get(`/1.0/instances/${name}`, z.object({status: z.string()}), {query});
        return status;
      } catch (error) {
        if (isDriverError(error, 'NotFound')) return undefined;
        throw error;
      }
    },

    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
