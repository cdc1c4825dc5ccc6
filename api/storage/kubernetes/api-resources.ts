import {z} from 'zod';
import {ApiServerError, watchFailureOf} from './api-failure.ts';
import type {ApiServer} from './api-server.ts';

export type ApiList = {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
};

export type ApiEvent = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: unknown;
};

export type ApiPreconditions = {readonly uid?: string; readonly resourceVersion?: string};

type Query = Readonly<Record<string, string | undefined>>;

type WriteQuery = {readonly query?: Query; readonly signal?: AbortSignal};

/** The resources of one API group and namespace, by their plural names. Throws as {@link ApiServer.request} does. */
export type ApiResources = {
  get(plural: string, name: string, options?: {readonly signal?: AbortSignal}): Promise<unknown>;
  list(plural: string, query: Query, signal?: AbortSignal): Promise<ApiList>;
  create(plural: string, body: unknown, options?: WriteQuery): Promise<unknown>;
  /** `name` may be `NAME/status`. */
  replace(plural: string, name: string, options: WriteQuery & {readonly body: unknown}): Promise<unknown>;
  /** A JSON merge patch. */
  merge(plural: string, name: string, body: unknown): Promise<unknown>;
  /** The object if something still holds it; otherwise a Status. */
  remove(
    plural: string,
    name: string,
    options?: {preconditions?: ApiPreconditions; query?: Query},
  ): Promise<unknown>;
  /** Ends when the server ends it. Throws StorageError `Expired` when the version is no longer retained. */
  watch(plural: string, query: Query, signal: AbortSignal): AsyncGenerator<ApiEvent, void, undefined>;
};

/** Who is named as the manager of the fields that are written. */
export const fieldManager = 'nexus';

const listSchema = z.object({
  items: z.array(z.unknown()),
  metadata: z.object({
    resourceVersion: z.string(),
    continue: z.string().optional(),
    remainingItemCount: z.int().optional(),
  }),
});

const eventSchema = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.unknown().optional(),
});

export function createApiResources(
  server: ApiServer,
  {groupVersion, namespace}: {groupVersion: string; namespace: string},
): ApiResources {
  // The core group, which has no name, is older than groups.
  const root = groupVersion.includes('/') ? `/apis/${groupVersion}` : `/api/${groupVersion}`;
  const pathOf = (plural: string, name?: string) =>
    `${root}/namespaces/${namespace}/${plural}${name === undefined ? '' : `/${name}`}`;
  const written = (query: Query = {}) => ({fieldManager, fieldValidation: 'Strict', ...query});

  return {
    get: (plural, name, options) => server.request({method: 'GET', path: pathOf(plural, name), ...options}),
    async list(plural, query, signal) {
      const {items, metadata} = listSchema.parse(
        await server.request({method: 'GET', path: pathOf(plural), query, ...(signal && {signal})}),
      );
      return {
        items,
        resourceVersion: metadata.resourceVersion,
        ...(metadata.continue === undefined || metadata.continue === '' ? {} : {continue: metadata.continue}),
        ...(metadata.remainingItemCount === undefined
          ? {}
          : {remainingItemCount: metadata.remainingItemCount}),
      };
    },
    create: (plural, body, {query, ...rest} = {}) =>
      server.request({method: 'POST', path: pathOf(plural), query: written(query), body, ...rest}),
    replace: (plural, name, {query, ...rest}) =>
      server.request({method: 'PUT', path: pathOf(plural, name), query: written(query), ...rest}),
    merge: (plural, name, body) =>
      server.request({
        method: 'PATCH',
        path: pathOf(plural, name),
        query: written(),
        body,
        contentType: 'application/merge-patch+json',
      }),
    remove: (plural, name, {preconditions, query = {}} = {}) =>
      server.request({
        method: 'DELETE',
        path: pathOf(plural, name),
        query,
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy: 'Background',
          ...(preconditions === undefined ? {} : {preconditions}),
        },
      }),
    async *watch(plural, query, signal) {
      const path = pathOf(plural);
      const lines = server.stream({
        method: 'GET',
        path,
        query: {...query, watch: 'true', allowWatchBookmarks: 'true'},
        signal,
      });
      for await (const line of lines) {
        const event = parseEvent(line);
        if (event.type === 'ERROR') {
          throw watchFailureOf(event.object, `watch ${path}`);
        }

        yield {type: event.type, object: event.object};
      }
    },
  };
}

function parseEvent(line: string): z.infer<typeof eventSchema> {
  try {
    return eventSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new ApiServerError('The API server sent a line in a watch that is no event', 0, {cause});
  }
}
