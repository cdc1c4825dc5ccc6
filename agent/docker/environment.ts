import {readFile} from 'node:fs/promises';
import {z} from 'zod';
import type {Random} from '../../api/effects/random.ts';
import {DriverError, isDriverError} from '../driver.ts';
import {freeSubnet, parseRoutes} from '../network/free-subnet.ts';
import type {Client} from './client.ts';
import {labels} from './labels.ts';
import type {MarksStore} from './marks.ts';
import type {Names} from './names.ts';

export type EnvironmentOptions = {
  readonly client: Client;
  readonly names: Names;
  readonly installation: string;
  readonly random: Random;
};

const identified = z.array(z.object({Id: z.string()}));
const volumes = z.object({Volumes: z.array(z.object({Name: z.string()})).nullable()});

/** The network, whose containers don't reach each other. */
export async function prepareEnvironment(options: EnvironmentOptions): Promise<void> {
  const {client, names, installation} = options;
  if (!(await hasEnvironment(options))) {
    const [gateway = '', prefix = ''] = (await chooseSubnet(options)).split('/');
    try {
      await client.call('POST', '/networks/create', {
        body: {
          Name: names.network,
          CheckDuplicate: true,
          Driver: 'bridge',
          Labels: {[labels.installation]: installation},
          IPAM: {Config: [{Subnet: `${gateway.replace(/\d+$/, '0')}/${prefix}`, Gateway: gateway}]},
          Options: {
            'com.docker.network.bridge.name': names.bridge,
            'com.docker.network.bridge.enable_icc': 'false',
            'com.docker.network.bridge.enable_ip_masquerade': 'true',
          },
        },
      });
    } catch (error) {
      if (!isDriverError(error, 'NotPermittedNow') && !(await hasEnvironment(options))) throw error;
    }
  }
}

export async function hasEnvironment({
  client,
  names,
}: Pick<EnvironmentOptions, 'client' | 'names'>): Promise<boolean> {
  return (await client.find(`/networks/${names.network}`, z.object({}))) !== undefined;
}

/** Removes all of it and everything in it. */
export async function purgeEnvironment({
  client,
  names,
  installation,
  marks,
}: Omit<EnvironmentOptions, 'random'> & {readonly marks: MarksStore}): Promise<void> {
  const query = {all: 'true', filters: JSON.stringify({label: [`${labels.installation}=${installation}`]})};
  for (const {Id} of await client.ask('GET', '/containers/json', identified, {query})) {
    await unlessAbsent(
      client.call('DELETE', `/containers/${Id}`, {query: {force: 'true', v: 'true'}, unlimited: true}),
    );
  }
  for (const {Id} of await client.ask('GET', '/images/json', identified, {query})) {
    await unlessAbsent(client.call('DELETE', `/images/${Id}`, {query: {force: 'true'}, unlimited: true}));
  }
  const {Volumes} = await client.ask('GET', '/volumes', volumes, {query});
  for (const {Name} of Volumes ?? []) await unlessAbsent(client.call('DELETE', `/volumes/${Name}`));
  await unlessAbsent(client.call('DELETE', `/networks/${names.network}`));
  await marks.forgetAll();
}

async function chooseSubnet({random}: EnvironmentOptions): Promise<string> {
  const table = await readFile('/proc/net/route', 'utf8').catch(() => '');
  const address = freeSubnet(parseRoutes(table), random);
  if (address === undefined) {
    throw new DriverError(
      'Internal',
      'the machine has routes to everything from 10.64.0.0 to 10.255.255.255',
    );
  }
  return address;
}

async function unlessAbsent(removal: Promise<void>): Promise<void> {
  await removal.catch((error: unknown) => {
    if (!isDriverError(error, 'NotFound') && !isDriverError(error, 'ImageNotFound')) throw error;
  });
}
