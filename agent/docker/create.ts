import {z} from 'zod';
import type {Clock} from '../../api/effects/clock.ts';
import type {CreateOptions, Driver} from '../driver.ts';
import {DriverError, isDriverError} from '../driver.ts';
import {canonicalName} from '../instance-name.ts';
import type {Addresses} from '../network/address.ts';
import {createAddresses, parseSubnet} from '../network/address.ts';
import type {Client} from './client.ts';
import {containerRequest} from './container-request.ts';
import type {Containers} from './containers.ts';
import type {Daemon} from './daemon.ts';
import {isQuotaRefusal} from './daemon.ts';
import type {Images} from './images.ts';
import {labels} from './labels.ts';
import type {MarksStore} from './marks.ts';
import type {Names} from './names.ts';
import {rawContainer, toDriverInstance} from './observe.ts';

export type CreateDependencies = {
  readonly client: Client;
  readonly containers: Containers;
  readonly images: Images;
  readonly marks: MarksStore;
  readonly names: Names;
  readonly installation: string;
  readonly daemon: () => Promise<Daemon>;
  readonly clock: Clock;
};

/** How often, and after how many milliseconds, it looks again after it came upon the name of a container that is being made or removed. */
const attempts = 50;
const retryInterval = 200;

const network = z.object({
  IPAM: z.object({Config: z.array(z.object({Subnet: z.string(), Gateway: z.string().optional()}))}),
});
const created = z.object({Id: z.string()});

export function createCreate(dependencies: CreateDependencies): Driver['create'] {
  const {client, containers, images, marks, names, installation, daemon, clock} = dependencies;
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

  const make = async (
    request: CreateOptions,
    placement: {image: string; address: string},
    signal?: AbortSignal,
  ) => {
    const {quota} = await daemon();
    const post = async (hasQuota: boolean) =>
      await client.ask('POST', '/containers/create', created, {
        query: {name: canonicalName(request.spec.uid)},
        body: containerRequest(request, {...placement, hasQuota, installation, network: names.network}),
        signal,
        unlimited: true,
      });
    try {
      return await post(quota !== 'None');
    } catch (error) {
      if (!isQuotaRefusal(error)) throw error;
      return await post(false);
    }
  };

  const attempt = async (request: CreateOptions, signal?: AbortSignal) => {
    const {uid, image} = request.spec;
    const present = await containers.find(uid, signal);
    if (present !== undefined) return present;

    const source = await images.source(image, signal);
    const book = addresses ?? (await readAddresses());
    using reservation = await book.reserve(uid, containers.addresses);
    if (reservation === undefined) {
      throw new DriverError('NoSpace', `no address is free on ${names.network}`);
    }
    const {address} = reservation;
    // Whatever an earlier one of this uid was marked with is not so of this one.
    await marks.forget(uid);
    const {Id} = await make(request, {image: source, address}, signal);
    await marks.change(uid, Id, known => known);
    return await containers.need(uid, signal);
  };

  /** Whether the name is somebody else's: a container of ours that is being made has it, but isn't there yet. */
  const isForeign = async (uid: string, signal?: AbortSignal): Promise<boolean> => {
    const found = await client.find(`/containers/${canonicalName(uid)}/json`, rawContainer, {signal});
    return found !== undefined && found.Config.Labels?.[labels.uid] !== uid;
  };

  return async (request, signal) => {
    const {uid} = request.spec;
    for (let count = 1; ; count++) {
      try {
        return toDriverInstance(await attempt(request, signal));
      } catch (error) {
        if (signal?.aborted || count === attempts || !isDriverError(error, 'NotPermittedNow')) throw error;
        if (await isForeign(uid, signal)) throw error;
        await clock.sleep(retryInterval, signal ?? new AbortController().signal);
      }
    }
  };
}
