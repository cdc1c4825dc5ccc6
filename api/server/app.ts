import Koa from 'koa';
import {createEventRecorder} from '../storage/event-recorder.ts';
import type {AppOptions} from './app-options.ts';
import {defaultLimits} from './app-options.ts';
import {createAuditLog} from './audit-log.ts';
import {createAuthorizedStorage} from './authorized-storage.ts';
import {createHttpMetrics} from './http-metrics.ts';
import {createFieldOwners} from './kubernetes/field-owners.ts';
import {createKubeResources} from './kubernetes/kube-resource.ts';
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
import {createTokenBuckets} from './token-buckets.ts';
import {createTokens} from './tokens.ts';
import type {WebSocketDoor} from './web-sockets.ts';
import {createWebSocketDoor} from './web-sockets.ts';

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
  const tokens = createTokens({
    storage,
    clock,
    random,
    ...(options.tokenCache === undefined ? {} : {cache: options.tokenCache}),
  });
  const metrics = createHttpMetrics(options.registry);
  const recorder = createEventRecorder({storage, clock, component: 'api', log});
  const audit = createAuditLog(recorder);
  const resources = createKubeResources();
  const owners = createFieldOwners({resources, clock});
  const authorized = createAuthorizedStorage({storage, audit, owners});
  const callers = createTokenBuckets({clock, rate: limits.callers});
  const strangers = createTokenBuckets({clock, rate: limits.strangers});
  const table = createRouteTable({
    ...options,
    limits,
    tokens,
    metrics,
    authorized,
    audit,
    resources,
    owners,
  });
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
