import {z} from 'zod';
import type {Transfer} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {canonicalName} from '../instance-name.ts';
import type {Client} from './client.ts';
import type {Containers} from './containers.ts';
import type {Helpers} from './helpers.ts';
import {closeHelper} from './helpers.ts';
import type {Images} from './images.ts';
import type {Layers} from './layers.ts';
import type {MakeContainer} from './make-container.ts';
import {attributesOf, requestOf} from './moved-attributes.ts';
import {incomingNames} from './names.ts';
import {toDriverInstance} from './observe.ts';
import {packRoot, unpackRoot} from './root-archive.ts';

export type TransferOptions = {
  readonly client: Client;
  readonly containers: Containers;
  readonly images: Images;
  readonly helpers: Helpers;
  readonly layers: Layers;
  readonly make: MakeContainer;
  /** Destroys it, whatever its state. */
  readonly remove: (uid: string) => Promise<void>;
};

/** Of helpers: where they see the files of another container. */
const folder = '/files';

/**
 * A container travels as a tarball of all its files, its image's too: nodes may have different ones of the same name. Where it arrives it is made of an
 * image without files, held to its disk limit from then on, and these are unpacked into it by a helper, where nothing else is to be reached.
 */
export function createTransfer(options: TransferOptions): Transfer {
  const {client, containers, images, helpers, layers, make, remove} = options;

  const rename = async (id: string, name: string) =>
    await client.call('POST', `/containers/${id}/rename`, {query: {name}});

  async function clear(uid: string, signal: AbortSignal): Promise<void> {
    const present = await containers.find(uid, signal);
    if (present !== undefined) {
      if (toDriverInstance(present).incoming === undefined) {
        throw new DriverError('NotPermittedNow', `${present.name} is there already, and is no copy`);
      }
      await remove(uid);
    }
    // What is not ours would only be in the way once it is to be accepted.
    const name = canonicalName(uid);
    if ((await client.find(`/containers/${name}/json`, z.object({}), {signal})) !== undefined) {
      throw new DriverError('NotPermittedNow', `the name ${name} is somebody else's`);
    }
  }

  return {
    format: 'docker-files',

    async export(uid, signal) {
      const container = await containers.need(uid, signal);
      const {state, name} = toDriverInstance(container);
      if (state !== 'Stopped') {
        throw new DriverError('NotPermittedNow', `${name} is ${state}: only what is stopped can be exported`);
      }
      await helpers.sweep();
      const helper = await helpers.open(
        labels => layers.view(container.id, {target: folder, labels}),
        signal,
      );
      try {
        return {
          attributes: attributesOf(container),
          content: await packRoot(helper, folder, signal),
        };
      } catch (error) {
        await closeHelper(helper);
        throw error;
      }
    },

    async import(asked, signal) {
      const {uid, content} = asked;
      const {request, origin} = requestOf(asked);
      await clear(uid, signal);
      await helpers.sweep();
      try {
        const {making, arrived} = incomingNames(uid);
        const image = await images.empty(signal);
        const id = await make(request, {name: making, image, origin}, signal);
        const helper = await helpers.open(async () => [await layers.own(id, folder)], signal);
        try {
          await unpackRoot(helper, {folder, content, signal});
        } finally {
          await closeHelper(helper);
        }
        await rename(id, arrived);
        return toDriverInstance(await containers.need(uid, signal));
      } catch (error) {
        content.destroy();
        const left = await containers.find(uid).catch(() => undefined);
        if (left !== undefined && toDriverInstance(left).incoming !== undefined) {
          await remove(uid).catch(() => {});
        }
        throw error;
      }
    },

    async accept(uid) {
      const container = await containers.need(uid);
      const incoming = toDriverInstance(container).incoming;
      if (incoming === undefined) return;

      if (!incoming.complete) throw new DriverError('NotPermittedNow', 'not all of it has arrived');
      await rename(container.id, canonicalName(uid));
    },
  };
}
