import type {Registry} from 'prom-client';
import type {Clock} from '../effects/clock.ts';
import type {Logger} from '../effects/logger.ts';
import type {Random} from '../effects/random.ts';
import type {NodeSetup} from '../node-setup/node-setup.ts';
import type {BundleStore} from '../storage/bundle-store.ts';
import type {CredentialStore} from '../storage/credential-store.ts';
import type {Storage} from '../storage/storage.ts';
import type {GithubIdentity} from './github-identity.ts';
import type {LiveInstances} from './live-instances.ts';
import type {Rate} from './token-buckets.ts';
import type {TokenCache} from './token-cache.ts';

export type ControllerHealth = {
  readonly status: 'ok' | 'starting' | 'unavailable';
  readonly message?: string;
  /** Missing where there is but one server. */
  readonly role?: 'leader' | 'follower';
  /** Who leads, if it is another and known. */
  readonly leader?: string;
};

export type GatewayInfo = {
  /** Where users reach it; undefined: by the server's own name. */
  readonly host?: string;
  readonly port: number;
  /** `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
};

export type AppOptions = {
  readonly storage: Storage;
  /** For a store that is not in this process; without it, each request asks the store who its caller is. */
  readonly tokenCache?: TokenCache;
  /** Which store it is, for people. */
  readonly store?: string;
  readonly live: LiveInstances;
  readonly nodeSetup: NodeSetup;
  readonly bundles: BundleStore;
  readonly credentials: CredentialStore;
  readonly github: GithubIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Served at /metrics; the server's own metrics are added. */
  readonly registry: Registry;
  readonly version: string;
  readonly controllerHealth: () => ControllerHealth;
  /** PEM: that of the server itself on loopback, which no authority vouches for; undefined where clients know it otherwise. */
  readonly certificate?: string;
  /** The ssh gateway of this server; undefined where there is none. */
  readonly gateway?: GatewayInfo;
  /** Origins whose pages may call; none by default. */
  readonly corsOrigins?: readonly string[];
  /** Names, besides the machine's own, that requests on loopback may be addressed to. */
  readonly allowedHosts?: readonly string[];
  /** Whether anybody may register a user with POST /api/v1/users/register; only admins by default. */
  readonly openRegistration?: boolean;
  readonly limits?: Partial<Limits>;
};

export type Limits = {
  /** Bytes of a bundle; 1 GiB by default. */
  readonly bundle: number;
  /** Milliseconds that a request may take; 30,000 by default. Watches, logs and uploads may take longer. */
  readonly deadline: number;
  /** For each token; 1,000 a second by default. */
  readonly callers: Rate;
  /** For each address without a valid token; 20 a second by default. */
  readonly strangers: Rate;
};

export const defaultLimits: Limits = {
  bundle: 2 ** 30,
  deadline: 30_000,
  callers: {perSecond: 1000, burst: 2000},
  strangers: {perSecond: 20, burst: 100},
};
