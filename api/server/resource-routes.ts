import type {z} from 'zod';
import {parseFieldSelector, parseLabelSelector} from '../storage/selector.ts';
import type {ListOptions} from '../storage/storage.ts';
import {isStorageError} from '../storage/storage-error.ts';
import {defaultOwner} from '../v1alpha1/admission.ts';
import type {ResourceByKind, Stored} from '../v1alpha1/kinds.ts';
import {kinds} from '../v1alpha1/kinds.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';
import {invalid, parseResourceOf} from '../v1alpha1/validate.ts';
import type {AuthorizedStorage, CallerStorage} from './authorized-storage.ts';
import {kubernetesStatus} from './error-response.ts';
import type {HttpMetrics} from './http-metrics.ts';
import {jsonPatch, mergePatch} from './patch.ts';
import {mediaType} from './request-body.ts';
import {asQuery, RequestError, toBadRequest} from './request-error.ts';
import {anyDocument, deleteOptions, listQuery, mutateQuery, objectList} from './resource-messages.ts';
import type {Method, Reply, ResponseDescription, Route} from './route.ts';
import {defineRoute} from './route.ts';
import type {SerialisedObjects} from './serialised-objects.ts';
import {watchStream} from './watch-stream.ts';

export const patchTypes = [
  'application/merge-patch+json',
  'application/json-patch+json',
  'application/apply-patch+yaml',
] as const;

/** Of a patch that names no resourceVersion, against writers that are faster. */
const patchAttempts = 5;

/**
 * The Kubernetes-style paths of one kind, `/apis/nexus.dev/v1alpha1/{plural}[/{name}[/status]]`, by Kubernetes' conventions:
 *
 * - list and watch with selectors, `limit` and `continue`; watch from a resourceVersion with bookmarks, `Expired` as an ERROR event.
 * - create, update and patch with `dryRun=All`; delete with preconditions. `propagationPolicy` is ignored: nothing is owned here.
 * - Patches: merge (RFC 7386), json (RFC 6902), and apply, of which this is *not* done: no managedFields are kept, so that fields
 *   which an applier stops giving stay, lists are replaced whole, and two managers never conflict. Strategic merge is refused with 415.
 * - Refusals are `Status` objects.
 */
export function resourceRoutes(
  kind: ServedKind,
  {
    authorized,
    serialised,
    metrics,
  }: {authorized: AuthorizedStorage; serialised: SerialisedObjects; metrics: HttpMetrics},
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
        const patched = await patch(storage, {
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
      async handle({caller, requestId, query, signal}) {
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
              serialised,
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
      async handle({caller, requestId, params: {name = ''}}) {
        return reply(200, await authorized.as(caller, requestId).get(kind, name));
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

type PatchRequest = {
  readonly kind: ServedKind;
  readonly name: string;
  readonly body: unknown;
  readonly type: string;
  readonly status: boolean;
  readonly dryRun: boolean;
  readonly fieldManager: string | undefined;
};

async function patch(
  storage: CallerStorage,
  request: PatchRequest,
): Promise<{object: Stored<ServedKind>; created: boolean}> {
  const {kind, name, body, type, status, dryRun} = request;
  const apply = type === 'application/apply-patch+yaml';
  if (apply && (request.fieldManager ?? '') === '') {
    throw new RequestError('BadRequest', 'An apply needs the parameter fieldManager: who applies');
  }

  for (let attempt = 1; ; attempt += 1) {
    const existing = await getIfPresent(storage, kind, name, apply && !status);
    if (existing === undefined) {
      const resource = named(parseResourceOf(kind, defaultOwner(body, storage.caller)), name);
      return {object: await storage.create(kind, resource, {dryRun}), created: true};
    }

    const change =
      type === 'application/json-patch+json' ? jsonPatch(existing, body) : mergePatch(existing, body);
    const resource = named(parseResourceOf(kind, change), name);
    try {
      const object = status
        ? await storage.updateStatus(kind, resource, {dryRun})
        : await storage.update(kind, resource, {dryRun});
      return {object, created: false};
    } catch (error) {
      const pinned = resource.metadata.resourceVersion !== existing.metadata.resourceVersion;
      if (!isStorageError(error, 'Conflict') || pinned || attempt === patchAttempts) {
        throw error;
      }
    }
  }
}

async function getIfPresent(
  storage: CallerStorage,
  kind: ServedKind,
  name: string,
  mayBeAbsent: boolean,
): Promise<Stored<ServedKind> | undefined> {
  try {
    return await storage.get(kind, name);
  } catch (error) {
    if (mayBeAbsent && isStorageError(error, 'NotFound')) {
      return undefined;
    }

    throw error;
  }
}

/** Throws `Invalid` when the path names another object than the body. */
function named<R extends ResourceByKind[ServedKind]>(resource: R, name: string): R {
  if (resource.metadata.name !== name) {
    throw invalid(`This is ${resource.kind} "${resource.metadata.name}", sent to the path of "${name}"`, [
      {path: 'metadata.name', message: `must be ${name}, as in the path`},
    ]);
  }

  return resource;
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
