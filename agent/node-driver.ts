import type {Duplex} from 'node:stream';
import type {Clock} from '../api/effects/clock.ts';
import type {Logger} from '../api/effects/logger.ts';
import type {Random} from '../api/effects/random.ts';
import type {ImageForm} from '../api/node-setup/image-form.ts';
import type {Provider} from '../api/v1alpha1/workspace.ts';
import type {Driver} from './driver.ts';

/**
 * A driver with what setting a machine up and taking Nexus off it needs: one port for all backends, so that `nexus agent setup`, `purge` and
 * `nexus doctor` know none of them. Errors are as {@link Driver}'s.
 */
export type NodeDriver = Driver & {
  /** Where its backend is reached, for people: the path of a socket or of a program. */
  readonly place: string;
  /**
   * As {@link Driver.probe}, but of the backend alone: it may be ready before anything was prepared on it. A message of one that is ready says
   * what can't be guaranteed there.
   */
  probeBackend: Driver['probe'];
  /**
   * A connection to a port of the instance that has this address, also to one on the instance's own loopback, where the node's network does not
   * lead there. Undefined for what the network reaches. Rejects with {@link RefusedError} when nothing listens.
   */
  reach?(address: string, port: number, signal: AbortSignal): Promise<Duplex> | undefined;
  imagePresent(alias: string): Promise<boolean>;
  /**
   * Makes the image `alias` of a tarball by hack/build-image (zstd; `rootfs/` is the root file system, the rest is for LXD and Incus), in whatever
   * form the backend wants, and so that the first instance need not unpack it. Does nothing if it is made of that very file already. A kind whose
   * {@link ProviderKind.imageForm} is `machine` takes a file of that form, or one `X.machine.tar` that lies beside a tarball `X.tar.zst`.
   */
  importImage(tarball: string, alias: string, signal?: AbortSignal): Promise<void>;
  /** Takes away everything that {@link Driver.prepare} made and all that is in it. Safe to repeat, also after half a `prepare`. */
  purge(): Promise<void>;
};

/** What `config.json` of the agent says of one provider. */
export type ProviderConfig = {
  /** Of the backend's daemon; found by itself when absent. */
  readonly socket?: string | undefined;
};

export type BackendSearch = {
  readonly config: ProviderConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
};

export type OpenDriverOptions = {
  /** What {@link ProviderKind.find} found. */
  readonly place: string;
  /** Six hexadecimal digits; all that belongs to the installation is named after it. */
  readonly installation: string;
  /** For what the driver must keep on this machine itself; made by it when needed. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
};

/** One kind of backend that Nexus can use. `provider-kinds.ts` lists them. */
export type ProviderKind = {
  readonly provider: Provider;
  /** For people: "LXD or Incus". */
  readonly title: string;
  /** What {@link Driver.prepare} makes, for people: "project, storage pool and bridge". */
  readonly makes: string;
  /** What {@link NodeDriver.importImage} takes in. */
  readonly imageForm: ImageForm;
  /** What to do where there is none, or where it doesn't answer: a sentence. */
  readonly cure: string;
  /** Where the backend is: what the configuration names, whether it is there or not, or else what is there now. */
  find(search: BackendSearch): Promise<string | undefined>;
  /** Opens nothing yet; whoever calls disposes of it. */
  open(options: OpenDriverOptions): NodeDriver;
};
