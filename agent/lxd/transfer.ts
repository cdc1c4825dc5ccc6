import {z} from 'zod';
import type {ExportedInstance, ImportOptions, Transfer} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {canonicalName} from '../instance-name.ts';
import type {Bridge} from './bridge.ts';
import type {Client} from './client.ts';
import {overwriteFile} from './files.ts';
import type {Config} from './instance-config.ts';
import {
  deviceConfig,
  fixedConfig,
  identity,
  identityOf,
  limitConfig,
  marks,
  networkFile,
  templateImage,
} from './instance-config.ts';
import type {Instances} from './instances.ts';
import {movableConfig} from './movable-config.ts';
import type {Names} from './names.ts';
import type {RawInstance} from './observe.ts';
import {toDriverInstance} from './observe.ts';
import type {Operations} from './operation.ts';
import type {Settings} from './settings.ts';
import {createTransferImages} from './transfer-images.ts';

export type TransferOptions = {
  readonly client: Client;
  readonly operations: Operations;
  readonly instances: Instances;
  readonly bridge: Bridge;
  readonly names: Names;
  readonly installation: string;
  readonly configure: Settings['configure'];
  /** Destroys it, whatever its state. */
  readonly remove: (uid: string) => Promise<void>;
};

/** The one file of `nexus/base` that says where an instance is. */
const networkPath = '/etc/systemd/network/10-eth0.network';

const metadata = z.looseObject({});

/**
 * An instance travels as an image of itself, which LXD and Incus both make and take: a tarball of all files with numeric owners, modes, links and extended
 * attributes. Its config travels beside it. Unlike a backup it becomes an instance with one request, so that there is no moment in which a copy looks like the
 * original.
 */
export function createTransfer(options: TransferOptions): Transfer {
  const {client, operations, instances, bridge, names, installation, configure, remove} = options;
  const images = createTransferImages({client, operations, names});
  const query = {project: names.project};
  const pathOf = (name: string) => `/1.0/instances/${encodeURIComponent(name)}`;

  async function clear(uid: string, signal: AbortSignal): Promise<void> {
    await operations.settle(canonicalName(uid), signal);
    const present = await instances.find(uid, signal);
    if (present === undefined) return;
    if (toDriverInstance(present.raw).incoming === undefined) {
      throw new DriverError('NotPermittedNow', `${present.raw.name} is there already, and is no copy`);
    }
    await remove(uid);
  }

  async function make(
    {uid, mark, attributes, limits}: ImportOptions,
    fingerprint: string,
    signal: AbortSignal,
  ) {
    const {addresses, subnet, backend} = await bridge.read();
    using reservation = await addresses.reserve(
      uid,
      async () => (await instances.survey(names.bridge, signal)).addresses,
    );
    if (reservation === undefined) throw new DriverError('NoSpace', `no address is free on ${names.bridge}`);

    const {address} = reservation;
    const size = limits?.disk ?? attributes[rootSize] ?? '';
    const config = movableConfig(attributes);
    const network = networkFile(subnet, address);
    const body = {
      name: canonicalName(uid),
      type: 'container',
      source: {type: 'image', fingerprint},
      profiles: [],
      config: {
        ...config,
        ...(limits === undefined ? {} : limitConfig(limits)),
        ...fixedConfig(backend),
        [identity]: identityOf(uid),
        [marks.uid]: uid,
        [marks.installation]: installation,
        [marks.network]: network,
        [marks.dns]: subnet.gateway,
        [marks.incoming]: mark,
        [marks.moved]: 'true',
      },
      devices: deviceConfig({names, address}, size),
    };
    await operations.finish(await client.call('POST', '/1.0/instances', {query, body, signal}), signal);
    const {raw} = await instances.need(uid, signal);
    await withoutTemplates(raw.name, signal);
    if (raw.config[templateImage.key] === templateImage.value) {
      const content = new TextEncoder().encode(network);
      const target = {client, backend, project: names.project, instance: raw.name};
      await overwriteFile(target, networkPath, {content, mode: 0o644, uid: 0, gid: 0});
    }
  }

  /** Whoever was root inside has decided what the paths of the templates are: the backend must not follow them from outside. */
  async function withoutTemplates(name: string, signal: AbortSignal): Promise<void> {
    const path = `${pathOf(name)}/metadata`;
    const present = await client.get(path, metadata, {query, signal});
    await client.call('PUT', path, {query, body: {...present, templates: {}}, signal});
  }

  return {
    format: 'lxd-image',

    async export(uid, signal): Promise<ExportedInstance> {
      const {raw} = await instances.need(uid, signal);
      const {state, name} = toDriverInstance(raw);
      if (state !== 'Stopped') {
        throw new DriverError('NotPermittedNow', `${name} is ${state}: only what is stopped can be exported`);
      }
      await operations.settle(name, signal);
      const {content, size} = await images.publish(raw, signal);
      return {attributes: attributesOf(raw), content, size};
    },

    async import(request, signal) {
      const {uid, content} = request;
      await clear(uid, signal);
      try {
        await using image = await images.upload(uid, content, signal);
        await make(request, image.fingerprint, signal);
      } catch (error) {
        await operations.settle(canonicalName(uid)).catch(() => {});
        const left = await instances.find(uid).catch(() => undefined);
        if (left !== undefined && toDriverInstance(left.raw).incoming !== undefined) {
          await remove(uid).catch(() => {});
        }
        throw error;
      }
      await configure(uid, () => ({config: {[marks.arrived]: 'true'}}));
      return toDriverInstance((await instances.need(uid, signal)).raw);
    },

    async accept(uid) {
      await configure(uid, () => ({config: {[marks.incoming]: '', [marks.arrived]: ''}}));
    },
  };
}

/** Not a key of the backend's: the size of the root disk. */
const rootSize = 'root.size';

/** What makes it what it is. What is given anew where it arrives is written over it. */
function attributesOf({config, devices}: RawInstance): Config {
  return {...movableConfig(config), [rootSize]: devices.root?.size ?? ''};
}
