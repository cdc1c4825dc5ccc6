import {z} from 'zod';
import {DriverError, isDriverError} from '../driver.ts';
import {canonicalName} from '../instance-name.ts';
import type {Client} from './client.ts';
import {labels} from './labels.ts';
import type {MarksStore} from './marks.ts';
import {incomingNames} from './names.ts';
import type {Container} from './observe.ts';
import {rawContainer, toContainer} from './observe.ts';

const listed = z.array(
  z.object({
    Id: z.string(),
    Names: z.array(z.string()),
    Labels: z.record(z.string(), z.string()).nullable(),
  }),
);

export type Containers = {
  /** Ours, copies left out. */
  list(): Promise<readonly Container[]>;
  find(uid: string, signal?: AbortSignal): Promise<Container | undefined>;
  /** Throws NotFound. */
  need(uid: string, signal?: AbortSignal): Promise<Container>;
  /** Addresses that containers of this installation were given, running or not. */
  addresses(): Promise<readonly string[]>;
};

export type ContainersOptions = {
  readonly client: Client;
  readonly installation: string;
  readonly marks: MarksStore;
};

export function createContainers({client, installation, marks}: ContainersOptions): Containers {
  const all = async (filters: readonly string[], signal?: AbortSignal) =>
    await client.ask('GET', '/containers/json', listed, {
      query: {
        all: 'true',
        filters: JSON.stringify({label: [`${labels.installation}=${installation}`, ...filters]}),
      },
      signal,
    });

  /** Of those that carry the same uid, the one that was made for it: others are copies by hand. */
  const original = async (uid: string, candidates: z.infer<typeof listed>) => {
    const known = await marks.read(uid);
    return known === undefined
      ? candidates.find(({Names}) => Names.some(name => isNameOf(uid, name)))
      : candidates.find(({Id}) => Id === known.container);
  };

  const look = async (uid: string, candidates: z.infer<typeof listed>, signal?: AbortSignal) => {
    const chosen = await original(uid, candidates);
    if (chosen === undefined) return undefined;

    const raw = await client.find(`/containers/${chosen.Id}/json`, rawContainer, {signal});
    return raw === undefined ? undefined : toContainer(raw, await marks.read(uid));
  };

  const find: Containers['find'] = async (uid, signal) =>
    await look(uid, await all([`${labels.uid}=${uid}`], signal), signal);

  return {
    find,

    async list() {
      const groups = Map.groupBy(await all([labels.uid]), ({Labels}) => Labels?.[labels.uid] ?? '');
      const found = await Promise.all(
        [...groups].map(async ([uid, candidates]) => {
          try {
            return await look(uid, candidates);
          } catch (error) {
            // It went meanwhile.
            if (isDriverError(error, 'NotFound')) return undefined;
            throw error;
          }
        }),
      );
      return found.filter(container => container !== undefined);
    },

    async need(uid, signal) {
      const container = await find(uid, signal);
      if (container === undefined) {
        throw new DriverError('NotFound', `there is no container ${canonicalName(uid)}`);
      }
      return container;
    },

    async addresses() {
      return (await all([labels.address])).flatMap(({Labels}) => Labels?.[labels.address] ?? []);
    },
  };
}

function isNameOf(uid: string, name: string): boolean {
  const {making, arrived} = incomingNames(uid);
  return [canonicalName(uid), making, arrived].some(each => name === `/${each}`);
}
