import {findCondition} from '../v1alpha1/condition.ts';
import type {Health} from './health-messages.ts';
import {health as healthSchema} from './health-messages.ts';
import {RequestError} from './request-error.ts';
import {answers} from './rest-responses.ts';
import type {Route} from './route.ts';
import {defineRoute} from './route.ts';
import type {RouteContext} from './route-context.ts';

const text = {description: 'ok', contentType: 'text/plain; charset=utf-8'};

/** Probes are for anybody. What /health says in detail, and /metrics, are for the machine itself and for callers with a token. */
export function healthRoutes(context: RouteContext): Route[] {
  const {storage, store: place, controllerHealth, clock, registry, version} = context;
  const startedAt = clock.now();
  const storeHealth = () =>
    storage.ping().then(
      () => ({status: 'ok' as const}),
      (error: unknown) => ({
        status: 'unavailable' as const,
        message: error instanceof Error ? error.message : String(error),
      }),
    );

  return [
    defineRoute({
      method: 'get',
      path: '/livez',
      operationId: 'livez',
      summary: 'Whether the process answers at all',
      tag: 'health',
      access: 'open',
      responses: answers(200, text),
      async handle() {
        return {status: 200, body: 'ok\n'};
      },
    }),
    defineRoute({
      method: 'get',
      path: '/readyz',
      operationId: 'readyz',
      summary: 'Whether requests should be sent here',
      tag: 'health',
      access: 'open',
      responses: answers(200, text, 503),
      async handle() {
        const [store, controller] = [await storeHealth(), controllerHealth()];
        if (store.status !== 'ok' || controller.status !== 'ok') {
          const failing =
            store.status === 'ok' ? `the controller is ${controller.status}` : 'the store does not answer';
          throw new RequestError('ServiceUnavailable', `Not ready: ${failing}`, {retryAfter: 1});
        }

        return {status: 200, body: 'ok\n'};
      },
    }),
    defineRoute({
      method: 'get',
      path: '/health',
      operationId: 'getHealth',
      summary: 'How the server is, and its nodes',
      tag: 'health',
      access: 'open',
      responses: {
        ...answers(200, {
          description: 'It serves; degraded when a node or the controller does not.',
          schema: healthSchema,
        }),
        503: {description: 'It does not.', schema: healthSchema},
      },
      async handle({identity, local}) {
        const store = await storeHealth();
        const controller = controllerHealth();
        const nodes = store.status === 'ok' ? await nodeHealth(context) : [];
        const allWell = controller.status === 'ok' && nodes.every(({ready}) => ready === 'True');
        const body: Health = {
          status: store.status === 'ok' ? (allWell ? 'ok' : 'degraded') : 'unavailable',
          version,
          uptime_seconds: Math.floor((clock.now() - startedAt) / 1000),
          ...(identity !== undefined || local
            ? {store: {...store, ...(place === undefined ? {} : {place})}, controller, nodes}
            : {}),
        };
        return {status: store.status === 'ok' ? 200 : 503, body};
      },
    }),
    defineRoute({
      method: 'get',
      path: '/metrics',
      operationId: 'getMetrics',
      summary: 'Metrics for Prometheus',
      tag: 'health',
      access: 'loopback',
      responses: answers(200, {description: 'In the text format.', contentType: registry.contentType}, 401),
      async handle() {
        return {status: 200, body: await registry.metrics(), contentType: registry.contentType};
      },
    }),
  ];
}

async function nodeHealth({storage}: RouteContext): Promise<NonNullable<Health['nodes']>> {
  const {items} = await storage.list('Node');
  return items.map(({metadata, status}) => {
    const ready = findCondition(status?.conditions, 'Ready');
    return {
      name: metadata.name,
      ready: ready?.status ?? 'Unknown',
      ...(ready?.message === undefined ? {} : {message: ready.message}),
      ...(status?.heartbeatAt === undefined ? {} : {heartbeat_at: status.heartbeatAt}),
      ...(status?.workspaces === undefined ? {} : {workspaces: status.workspaces}),
    };
  });
}
