import type {z} from 'zod';
import type {Clock} from '../effects/clock.ts';
import {parseFieldSelector, parseLabelSelector} from '../storage/selector.ts';
import type {ListOptions} from '../storage/storage.ts';
import {defaultOwner} from '../v1alpha1/admission.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import {kinds} from '../v1alpha1/kinds.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';
import {parseResourceOf} from '../v1alpha1/validate.ts';
import type {AuthorizedStorage} from './authorized-storage.ts';
import type {HttpMetrics} from './http-metrics.ts';
import type {KubeRequest} from './kubernetes/request-parts.ts';
import {kubernetesStatus} from './kubernetes-status.ts';
import {mediaType} from './request-body.ts';
import {asQuery, toBadRequest} from './request-error.ts';
import {anyDocument, deleteOptions, listQuery, mutateQuery, objectList} from './resource-messages.ts';
import {named, patchResource} from './resource-patch.ts';
import type {Method, Reply, ResponseDescription, Route} from './route.ts';
import {defineRoute} from './route.ts';
import type {SerialisedObjects} from './serialised-objects.ts';
import {tableOf, wantsTable} from './table.ts';
import {watchStream} from './watch-stream.ts';

export const patchTypes = [
  'application/merge-patch+json',
  'application/json-patch+json',
  'application/apply-patch+yaml',
] as const;

/**
 * The paths of one kind without a namespace, `/apis/nexus.dev/v1alpha1/{plural}[/{name}[/status]]`, by Kubernetes' conventions; Nexus's own clients use
 * these. kubectl's are in `kubernetes/object-routes.ts`, and differ in this:
 *
 * - Objects are shown without a namespace and without managedFields; what is changed by way of these paths belongs to the manager `nexus`.
 * - An apply is a merge that creates what is not there: fields which an applier stops giving stay, lists are replaced whole, and two
 *   managers never conflict.
 * - Unknown fields are refused always, with the nearest name.
 *
 * Lists and watches as a `Table`, which kubectl asks for of all namespaces, are answered as on its own paths.
 */
export function resourceRoutes(
  kind: ServedKind,
  {
    authorized,
    serialised,
    metrics,
    clock,
    kubeList,
  }: {
    authorized: AuthorizedStorage;
    serialised: SerialisedObjects;
    metrics: HttpMetrics;
    clock: Clock;
    /** Lists and watches as Kubernetes does. */
    kubeList: (request: KubeRequest) => Promise<Reply>;
  },
): Route[] {
  const {plural, schema} = kinds[kind];
  const collection = `/apis/nexus.dev/v1alpha1/${plural}`;
  const one = `${collection}/{name}`;
  const object: ResponseDescription = {description: `The ${kind} as it is now.`, schema};
  const write = {200: object, ...refusals(400, 401, 403, 404, 409, 413, 415, 422)};
  const describe = (verb: string, path: string, method: Method) => ({
    method,
    path,
    operationId: `${verb}${kind}`,
    summary: `${verb} ${kind}`,
    tag: kind,
    access: 'user' as const,
  });
  const reply = (status: number, stored: Stored<ServedKind>): Reply => ({
    status,
    json: serialised.json(stored),
  });

  const patchRoute = (suffix: '' | '/status') =>
    defineRoute({
      ...describe(suffix === '' ? 'patch' : 'patchStatus', `${one}${suffix}`, 'patch'),
      query: mutateQuery,
      body: {schema: anyDocument, contentTypes: patchTypes},
      responses: {...write, 201: {...object, description: 'Created by apply.'}},
      async handle({caller, requestId, params: {name = ''}, query, body, header}) {
        const storage = authorized.as(caller, requestId);
        const patched = await patchResource(storage, {
          kind,
          name,
          body,
          type: mediaType(header('content-type')),
          status: suffix !== '',
          dryRun: query.dryRun,
          fieldManager: query.fieldManager,
        });
        return reply(patched.created ? 201 : 200, patched.object);
      },
    });

  return [
    defineRoute({
      ...describe('list', collection, 'get'),
      description: 'With watch=1: events, one JSON object a line, for as long as the client stays.',
      streaming: true,
      query: listQuery,
      responses: {200: {description: `A ${kind}List.`, schema: objectList(kind)}, ...refusals(400, 401, 410)},
      async handle(request) {
        const {caller, requestId, query, signal, header} = request;
        if (wantsTable(header('accept'))) {
          return kubeList(request);
        }

        const storage = authorized.as(caller, requestId);
        const options = asQuery(() => selectors(query));
        if (query.watch) {
          return {
            status: 200,
            stream: watchStream(storage, kind, {
              options,
              resourceVersion: query.resourceVersion,
              bookmarks: query.allowWatchBookmarks,
              initialEventsEnd: query.sendInitialEvents,
              timeoutSeconds: query.timeoutSeconds,
              render: stored => serialised.json(stored).toString(),
              metrics,
              signal,
            }),
            contentType: 'application/json',
          };
        }

        const page = {
          ...options,
          ...(query.limit === undefined || query.limit === 0 ? {} : {limit: query.limit}),
          ...(query.continue === undefined || query.continue === '' ? {} : {continue: query.continue}),
        };
        const {items, ...metadata} = await storage.list(kind, page).catch((error: unknown) => {
          throw toBadRequest(error);
        });
        return {status: 200, json: serialised.list(kind, items, metadata)};
      },
    }),
    defineRoute({
      ...describe('create', collection, 'post'),
      query: mutateQuery,
      body: {schema: anyDocument},
      responses: {201: object, ...refusals(400, 401, 403, 409, 413, 415, 422)},
      async handle({caller, requestId, query, body}) {
        const resource = parseResourceOf(kind, defaultOwner(body, caller));
        return reply(201, await authorized.as(caller, requestId).create(kind, resource, query));
      },
    }),
    defineRoute({
      ...describe('get', one, 'get'),
      responses: {200: object, ...refusals(401, 404)},
      async handle({caller, requestId, params: {name = ''}, header}) {
        const stored = await authorized.as(caller, requestId).get(kind, name);
        return wantsTable(header('accept'))
          ? {status: 200, body: tableOf(kind, [stored], {metadata: {}, now: clock.now()})}
          : reply(200, stored);
      },
    }),
    defineRoute({
      ...describe('replace', one, 'put'),
      query: mutateQuery,
      body: {schema: anyDocument},
      responses: write,
      async handle({caller, requestId, params: {name = ''}, query, body}) {
        const resource = named(parseResourceOf(kind, defaultOwner(body, caller)), name);
        return reply(200, await authorized.as(caller, requestId).update(kind, resource, query));
      },
    }),
    patchRoute(''),
    defineRoute({
      ...describe('delete', one, 'delete'),
      query: mutateQuery,
      body: {schema: deleteOptions, absent: {}},
      responses: {
        200: object,
        202: {...object, description: 'Its deletion goes on: finalizers hold it.'},
        ...refusals(400, 401, 403, 404, 409),
      },
      async handle({caller, requestId, params: {name = ''}, query, body}) {
        const {uid, resourceVersion} = body.preconditions ?? {};
        const stored = await authorized.as(caller, requestId).delete(kind, name, {
          dryRun: query.dryRun || body.dryRun?.includes('All') === true,
          preconditions: {
            ...(uid === undefined ? {} : {uid}),
            ...(resourceVersion === undefined ? {} : {resourceVersion}),
          },
        });
        return reply((stored.metadata.finalizers?.length ?? 0) > 0 ? 202 : 200, stored);
      },
    }),
    defineRoute({
      ...describe('getStatus', `${one}/status`, 'get'),
      responses: {200: object, ...refusals(401, 404)},
      async handle({caller, requestId, params: {name = ''}}) {
        return reply(200, await authorized.as(caller, requestId).get(kind, name));
      },
    }),
    defineRoute({
      ...describe('replaceStatus', `${one}/status`, 'put'),
      query: mutateQuery,
      body: {schema: anyDocument},
      responses: write,
      async handle({caller, requestId, params: {name = ''}, query, body}) {
        const resource = named(parseResourceOf(kind, body), name);
        return reply(200, await authorized.as(caller, requestId).updateStatus(kind, resource, query));
      },
    }),
    patchRoute('/status'),
  ];
}

function selectors({
  labelSelector,
  fieldSelector,
}: z.infer<typeof listQuery>): Pick<ListOptions, 'labels' | 'fields'> {
  return {
    ...(labelSelector === undefined ? {} : {labels: parseLabelSelector(labelSelector)}),
    ...(fieldSelector === undefined ? {} : {fields: parseFieldSelector(fieldSelector)}),
  };
}

function refusals(...statuses: readonly number[]): Record<number, ResponseDescription> {
  return Object.fromEntries(
    statuses.map(status => [status, {description: 'Why it was refused.', schema: kubernetesStatus}]),
  );
}
