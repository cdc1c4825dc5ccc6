import {z} from 'zod';
import {createClient} from '../../../agent/docker/client.ts';
import {labels} from '../../../agent/docker/labels.ts';
import {isDriverError} from '../../../agent/driver.ts';
import type {ByHand} from '../../contracts/driver/suite.ts';

const created = z.object({Id: z.string()});

export type DockerByHand = ByHand &
  AsyncDisposable & {
    /** Names of all containers of this installation. */
    all(installation: string): Promise<readonly string[]>;
  };

/** A second client of the daemon, as `docker` would be; it knows nothing of the driver's ways. */
export function dockerByHand(socket: string, image: string): DockerByHand {
  const client = createClient({socket});
  const act = async (name: string, action: string, query: Readonly<Record<string, string>> = {}) =>
    await client.call('POST', `/containers/${name}/${action}`, {query, unlimited: true});

  return {
    start: async name => await act(name, 'start'),
    async stop(name) {
      const {State} = await client.ask(
        'GET',
        `/containers/${name}/json`,
        z.object({State: z.object({Paused: z.boolean()})}),
      );
      if (State.Paused) await act(name, 'unpause');
      await act(name, 'stop', {t: '0'});
    },
    freeze: async name => await act(name, 'pause'),
    rename: async (name, to) => await act(name, 'rename', {name: to}),
    delete: async name => await client.call('DELETE', `/containers/${name}`, {query: {force: 'true'}}),

    async copy(name, to) {
      // docker commit, and docker create of what that made: labels go along.
      const {Id} = await client.ask('POST', '/commit', created, {query: {container: name}, unlimited: true});
      await client.ask('POST', '/containers/create', created, {query: {name: to}, body: {Image: Id}});
    },

    async createForeign(name) {
      await client.ask('POST', '/containers/create', created, {
        query: {name},
        body: {Image: image, Cmd: ['sleep', '600'], Labels: {[labels.image]: 'foreign'}},
      });
    },

    async stateOf(name) {
      try {
        const {State} = await client.ask(
          'GET',
          `/containers/${name}/json`,
          z.object({State: z.object({Status: z.string()})}),
        );
        return State.Status === 'running' ? 'Running' : State.Status === 'paused' ? 'Frozen' : 'Stopped';
      } catch (error) {
        if (isDriverError(error, 'NotFound')) return undefined;
        throw error;
      }
    },

    async all(installation) {
      const filters = {label: [`${labels.installation}=${installation}`]};
      const found = await client.ask(
        'GET',
        '/containers/json',
        z.array(z.object({Names: z.array(z.string())})),
        {
          query: {all: 'true', filters: JSON.stringify(filters)},
        },
      );
      return found.flatMap(({Names}) => Names.map(name => name.replace(/^\//, '')));
    },

    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
