import Koa from 'koa';
import type {Registry} from 'prom-client';
import type {Clock} from '../effects/clock.ts';
import type {Logger} from '../effects/logger.ts';
import type {Random} from '../effects/random.ts';
import type {BundleStore} from '../storage/bundle-store.ts';
import type {CredentialStore} from '../storage/credential-store.ts';
import {createEventRecorder} from '../storage/event-recorder.ts';
import type {Storage} from '../storage/storage.ts';
import {createAuditLog} from './audit-log.ts';
import {createAuthorizedStorage} from './authorized-storage.ts';
import type {GithubIdentity} from './github-identity.ts';
import type {ControllerHealth} from './health-routes.ts';
import {createHttpMetrics} from './http-metrics.ts';
import type {LiveInstances} from './live-instances.ts';
import {accessLog} from './middleware/access-log.ts';
import {authenticate} from './middleware/authenticate.ts';
import {cors} from './middleware/cors.ts';
import {hostCheck} from './middleware/host-check.ts';
import {rateLimit} from './middleware/rate-limit.ts';
import {refusals} from './middleware/refusals.ts';
import {requestId} from './middleware/request-id.ts';
import {refuseMethod, routes} from './middleware/routes.ts';
import {securityHeaders} from './middleware/security-headers.ts';
import type {RequestState} from './request-state.ts';
import type {Route} from './route.ts';
import {createRouteTable} from './route-table.ts';
import type {Rate} from './token-buckets.ts';
import {createTokenBuckets} from './token-buckets.ts';
import {createTokens} from './tokens.ts';
import type {WebSocketDoor} from './web-sockets.ts';
import {createWebSocketDoor} from './web-sockets.ts';

export type AppOptions = {
  readonly storage: Storage;
  readonly live: LiveInstances;
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

export type App = {
  readonly koa: Koa<RequestState>;
  /** All that is served, and what /openapi.json is made from. */
  readonly routes: readonly Route[];
  /** To be attached to the HTTP server: exec and tunnels. */
  readonly webSockets: WebSocketDoor;
  /** Ends what would not end by itself: watches and logs that are followed. */
  close(): void;
};

/** The API: an ordered list of middlewares around one table of routes. It listens to nothing; see `listen.ts`. */
export function createApp(options: AppOptions): App {
  const {storage, clock, random, log, corsOrigins = [], allowedHosts = []} = options;
  const limits = {...defaultLimits, ...options.limits};
  const tokens = createTokens({storage, clock, random});
  const metrics = createHttpMetrics(options.registry);
  const recorder = createEventRecorder({storage, clock, random, component: 'api', log});
  const audit = createAuditLog(recorder);
  const authorized = createAuthorizedStorage({storage, audit});
  const callers = createTokenBuckets({clock, rate: limits.callers});
  const strangers = createTokenBuckets({clock, rate: limits.strangers});
  const table = createRouteTable({...options, limits, tokens, metrics, authorized, audit});
  const closing = new AbortController();
  const router = routes(table, {clock, deadline: limits.deadline, closing: closing.signal});

  const koa = new Koa<RequestState>();
  koa.silent = true;
  for (const middleware of [
    requestId(random),
    accessLog({log, metrics}),
    refusals(log),
    securityHeaders(),
    hostCheck(allowedHosts),
    cors(corsOrigins),
    authenticate({tokens, strangers}),
    rateLimit({callers, strangers}),
  ]) {
    koa.use(middleware);
  }

  koa.use(router.routes());
  koa.use(router.allowedMethods({throw: true, methodNotAllowed: refuseMethod, notImplemented: refuseMethod}));
  koa.on('error', error => log.debug({err: error}, 'an answer was cut off'));

  const webSockets = createWebSocketDoor({
    authorized,
    tokens,
    strangers,
    live: options.live,
    random,
    log,
    corsOrigins,
    allowedHosts,
  });
  return {
    koa,
    routes: table,
    webSockets,
    close: () => closing.abort(new Error('The server is shutting down')),
  };
}
