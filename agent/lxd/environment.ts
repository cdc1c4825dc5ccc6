import {readFile} from 'node:fs/promises';
import {z} from 'zod';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import {DriverError, isDriverError} from '../driver.ts';
import {freeSubnet, parseRoutes} from '../network/free-subnet.ts';
import {ensureBoundary, removeBoundary} from './boundary.ts';
import type {Client} from './client.ts';
import {readMachineNetworks} from './machine-networks.ts';
import type {Names} from './names.ts';
import type {Operations} from './operation.ts';
import {readServer} from './server.ts';

export type PoolDriver = 'btrfs' | 'zfs' | 'dir';

export type EnvironmentOptions = {
  readonly client: Client;
  readonly operations: Operations;
  readonly names: Names;
  readonly random: Random;
  readonly log: Logger;
  readonly pool: {
    /** Bytes; of a file that grows as it is filled. */
    readonly size: number;
    /** The best that works on this machine by default. */
    readonly driver?: PoolDriver;
  };
};

const features = {
  'features.images': 'true',
  'features.networks': 'false',
  'features.profiles': 'true',
  'features.storage.volumes': 'true',
};

const created = z.object({status: z.string(), driver: z.string().optional()});
const addressed = created.extend({config: z.record(z.string(), z.string()).default({})});
const named = z.array(z.object({name: z.string()}));

/** Drivers that clone by copy-on-write come first. */
const preferredDrivers: readonly PoolDriver[] = ['btrfs', 'zfs', 'dir'];

/**
 * Pool, bridge, project and its default profile. Each step looks first, so that a run that was cut off is completed by the next one.
 */
export async function prepareEnvironment(options: EnvironmentOptions): Promise<void> {
  const {client, names} = options;
  await ensurePool(options);
  await ensureUsable({
    client,
    path: `/1.0/networks/${names.bridge}`,
    create: async () => await createBridge(options),
  });
  await persistently(async () => void (await keepBoundary(options)));

  const project = `/1.0/projects/${names.project}`;
  if ((await client.find(project, z.object({}))) === undefined) {
    await unlessPresent(
      client.call('POST', '/1.0/projects', {
        body: {name: names.project, description: 'Nexus workspaces', config: features},
      }),
    );
  }

  // Ours declare their devices themselves; this is for what people create in the project by hand.
  await client.call('PUT', '/1.0/profiles/default', {
    query: {project: names.project},
    body: {
      description: 'Nexus workspaces',
      config: {},
      devices: {
        root: {type: 'disk', path: '/', pool: names.pool},
        eth0: {type: 'nic', name: 'eth0', network: names.bridge},
      },
    },
  });
}

/**
 * What workspaces may reach of the machine follows the addresses that it has, which change. Answers with what is to be said about it, if anything.
 */
export async function keepBoundary({
  client,
  names,
}: Pick<EnvironmentOptions, 'client' | 'names'>): Promise<string | undefined> {
  const {bridgeAcls} = await readServer(client);
  if (!bridgeAcls) {
    return openMachine;
  }

  await ensureBoundary({client, names, networks: await readMachineNetworks()});
  return undefined;
}

/** What {@link prepareEnvironment} has not made yet, or made in vain, in words. */
export async function missingEnvironment({
  client,
  names,
}: Pick<EnvironmentOptions, 'client' | 'names'>): Promise<readonly string[]> {
  const [project, pool, network] = await Promise.all([
    client.find(`/1.0/projects/${names.project}`, z.object({})),
    client.find(`/1.0/storage-pools/${names.pool}`, created),
    client.find(`/1.0/networks/${names.bridge}`, addressed),
  ]);
  return [
    ...(project === undefined ? [`project ${names.project}`] : []),
    ...(pool?.status === 'Created' ? [] : [`storage pool ${names.pool}`]),
    // A device that merely has the name is listed too, without an address.
    ...(network?.config['ipv4.address'] && network.status === 'Created' ? [] : [`bridge ${names.bridge}`]),
  ];
}

/** Removes all of it and everything in it, by whomever it was made. */
export async function purgeEnvironment({client, operations, names}: EnvironmentOptions): Promise<void> {
  const {project, pool, bridge} = names;
  const query = {project};
  const list = async (path: string) => await client.find(path, named, {query: {...query, recursion: '1'}});
  const remove = async (path: string, inProject: boolean) => {
    await unlessAbsent(
      client.call('DELETE', path, inProject ? {query} : {}).then(answer => operations.finish(answer)),
    );
  };

  if ((await client.find(`/1.0/projects/${project}`, z.object({}))) !== undefined) {
    for (const {name} of (await list('/1.0/instances')) ?? []) {
      const path = `/1.0/instances/${encodeURIComponent(name)}`;
      await operations.settle(name);
      await client
        .call('PUT', `${path}/state`, {query, body: {action: 'stop', force: true, timeout: -1}})
        .then(answer => operations.finish(answer))
        .catch((error: unknown) => {
          // Most often it is stopped already; if it could not be stopped the removal says so.
          if (isDriverError(error, 'BackendUnavailable')) throw error;
        });
      await remove(path, true);
    }

    const images = z.array(z.object({fingerprint: z.string()}));
    for (const {fingerprint} of await client.get('/1.0/images', images, {
      query: {...query, recursion: '1'},
    })) {
      await remove(`/1.0/images/${fingerprint}`, true);
    }
    for (const {name} of (await list(`/1.0/storage-pools/${pool}/volumes/custom`)) ?? []) {
      await remove(`/1.0/storage-pools/${pool}/volumes/custom/${encodeURIComponent(name)}`, true);
    }
    for (const {name} of (await list('/1.0/profiles')) ?? []) {
      if (name !== 'default') await remove(`/1.0/profiles/${encodeURIComponent(name)}`, true);
    }
    await client.call('PUT', '/1.0/profiles/default', {query, body: {config: {}, devices: {}}});
    await remove(`/1.0/projects/${project}`, false);
  }

  await remove(`/1.0/storage-pools/${pool}`, false);
  await persistently(() => remove(`/1.0/networks/${bridge}`, false));
  await removeBoundary({client, names});
}

/** The backend could choose the network, but does so by pinging around, for seconds, and finds none where pings are answered by a gateway. */
async function createBridge({client, names, random}: EnvironmentOptions): Promise<void> {
  const table = await readFile('/proc/net/route', 'utf8').catch(() => '');
  const address = freeSubnet(parseRoutes(table), random);
  if (address === undefined)
    throw new DriverError(
      'Internal',
      'the machine has routes to everything from 10.64.0.0 to 10.255.255.255',
    );

  await client.call('POST', '/1.0/networks', {
    body: {
      name: names.bridge,
      type: 'bridge',
      description: 'Nexus workspaces',
      config: {'ipv4.address': address, 'ipv4.nat': 'true', 'ipv6.address': 'none'},
    },
  });
}

async function ensurePool({client, names, log, pool}: EnvironmentOptions): Promise<void> {
  const {storageDrivers} = await readServer(client);
  const driver = pool.driver ?? preferredDrivers.find(each => storageDrivers.includes(each)) ?? 'dir';
  if (driver === 'dir') {
    log.warn({pool: names.pool}, slowPool);
  }
  await ensureUsable({
    client,
    path: `/1.0/storage-pools/${names.pool}`,
    create: () =>
      client.call('POST', '/1.0/storage-pools', {
        body: {
          name: names.pool,
          driver,
          description: 'Nexus workspaces',
          config: driver === 'dir' ? {} : {size: String(pool.size)},
        },
      }),
  });
}

/** Said where the pool can neither clone by copy-on-write nor hold a workspace to its disk limit. */
export const slowPool =
  'neither btrfs nor zfs works here: workspaces are copied file by file and have no disk limit (install btrfs-progs)';

/** Said where the backend knows no rules for its bridges. */
const openMachine =
  'this version of the backend cannot keep workspaces from services of the machine itself; a firewall must';

type Ensured = {
  readonly client: Client;
  readonly path: string;
  readonly create: () => Promise<unknown>;
};

/** What a cut-off creation left behind half-made is removed and made again. */
async function ensureUsable({client, path, create}: Ensured): Promise<void> {
  await persistently(async () => {
    const found = await client.find(path, created);
    if (found?.status === 'Created') return;
    if (found !== undefined) await unlessAbsent(client.call('DELETE', path));

    await unlessPresent(create());
    const made = await client.get(path, created);
    if (made.status !== 'Created')
      throw new DriverError('Internal', `${path} is ${made.status} after its creation`);
  });
}

const attempts = 3;

/**
 * The backend fails at making, changing and removing bridges when devices of another network vanish while it goes through them. Throws the first failure:
 * later ones are often about what it left behind.
 */
async function persistently(work: () => Promise<void>): Promise<void> {
  let first: unknown;
  for (let count = 1; ; count++) {
    try {
      await work();
      return;
    } catch (error) {
      first ??= error;
      if (count === attempts || isDriverError(error, 'BackendUnavailable')) throw withLater(first, error);
    }
  }
}

function withLater(first: unknown, later: unknown): unknown {
  if (!isDriverError(first) || !isDriverError(later) || first.message === later.message) return first;
  return new DriverError(first.code, `${first.message} (tried again: ${later.message})`, {cause: first});
}

async function unlessPresent(creation: Promise<unknown>): Promise<void> {
  await creation.catch((error: unknown) => {
    if (!(error instanceof DriverError && /already exists/i.test(error.message))) throw error;
  });
}

async function unlessAbsent(removal: Promise<unknown>): Promise<void> {
  await removal.catch((error: unknown) => {
    if (!isDriverError(error, 'NotFound')) throw error;
  });
}
