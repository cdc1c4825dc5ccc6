import {z} from 'zod';
import type {CreateOptions} from '../driver.ts';
import {DriverError} from '../driver.ts';
import type {Addresses} from '../network/address.ts';
import {createAddresses, parseSubnet} from '../network/address.ts';
import type {Client} from './client.ts';
import type {Origin} from './container-request.ts';
import {containerRequest} from './container-request.ts';
import type {Containers} from './containers.ts';
import type {Daemon} from './daemon.ts';
import {isQuotaRefusal} from './daemon.ts';
import type {MarksStore} from './marks.ts';
import type {Names} from './names.ts';

export type MakeContainerOptions = {
  /** Of the container. */
  readonly name: string;
  /** As Docker knows it. */
  readonly image: string;
  readonly origin?: Origin;
};

/** Makes a container of ours, with an address that no other one has, and answers with Docker's id of it. */
export type MakeContainer = (
  request: CreateOptions,
  options: MakeContainerOptions,
  signal?: AbortSignal,
) => Promise<string>;

export type MakeContainerDependencies = {
  readonly client: Client;
  readonly containers: Containers;
  readonly marks: MarksStore;
  readonly names: Names;
  readonly installation: string;
  readonly daemon: () => Promise<Daemon>;
};

const network = z.object({
  IPAM: z.object({Config: z.array(z.object({Subnet: z.string(), Gateway: z.string().optional()}))}),
});
const created = z.object({Id: z.string()});

export function createMakeContainer(dependencies: MakeContainerDependencies): MakeContainer {
  const {client, containers, marks, names, installation, daemon} = dependencies;
  let addresses: Addresses | undefined;

  /** Fixed for the life of the network. Of two first calls one prevails, so that there is one book of addresses. */
  const readAddresses = async (): Promise<Addresses> => {
    const found = await client.find(`/networks/${names.network}`, network);
    const config = found?.IPAM.Config[0];
    if (config?.Gateway === undefined) {
      throw new DriverError(
        'BackendUnavailable',
        `the network ${names.network} is missing; set the node up with: nexus agent setup --image FILE`,
      );
    }
    addresses ??= createAddresses(parseSubnet(`${config.Gateway}/${config.Subnet.split('/')[1]}`));
    return addresses;
  };

  return async (request, {name, image, origin}, signal) => {
    const {uid} = request.spec;
    const book = addresses ?? (await readAddresses());
    using reservation = await book.reserve(uid, containers.addresses);
    if (reservation === undefined) {
      throw new DriverError('NoSpace', `no address is free on ${names.network}`);
    }
    const {address} = reservation;
    const {quota} = await daemon();
    const placement = {image, address, installation, network: names.network, origin};
    const post = async (hasQuota: boolean) =>
      await client.ask('POST', '/containers/create', created, {
        query: {name},
        body: containerRequest(request, {...placement, hasQuota}),
        signal,
        unlimited: true,
      });
    // Whatever an earlier one of this uid was marked with is not so of this one.
    await marks.forget(uid);
    const {Id} = await post(quota !== 'None').catch(async (error: unknown) => {
      if (quota === 'None' || !isQuotaRefusal(error)) throw error;
      return await post(false);
    });
    await marks.change(uid, Id, known => known);
    return Id;
  };
}
