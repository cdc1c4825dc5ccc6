import type {Preconditions} from '../storage/storage.ts';
import type {ResourceByKind, Stored} from '../v1alpha1/kinds.ts';
import {kinds} from '../v1alpha1/kinds.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';
import {ApiError, isApiError} from './api-error.ts';
import type {Query, Transport} from './transport.ts';
import {trust} from './transport.ts';

export type ListQuery = {
  /** As kubectl writes them: `app=web,tier!=test`. */
  readonly labelSelector?: string;
  /** `spec.owner=ada,status.node=local`. */
  readonly fieldSelector?: string;
  /** Items a page; the rest by `continue`. */
  readonly limit?: number;
  readonly continue?: string;
  readonly signal?: AbortSignal;
};

export type ResourceList<K extends ServedKind> = {
  readonly items: readonly Stored<K>[];
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
};

export type WatchQuery = Omit<ListQuery, 'limit' | 'continue'> & {
  /** Of a list or of the last event seen; without it, all that exists is ADDED first. */
  readonly resourceVersion?: string;
};

export type ResourceEvent<K extends ServedKind> =
  | {readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Stored<K>}
  | {readonly type: 'BOOKMARK'; readonly resourceVersion: string};

export type MutateOptions = {readonly dryRun?: boolean; readonly signal?: AbortSignal};

export type PatchType = 'merge' | 'json';

/** Resources by kind, on the Kubernetes-style paths. Everything throws ApiError. */
export type ResourceClient = {
  get<K extends ServedKind>(kind: K, name: string, options?: {signal?: AbortSignal}): Promise<Stored<K>>;
  /** One page. */
  list<K extends ServedKind>(kind: K, query?: ListQuery): Promise<ResourceList<K>>;
  create<K extends ServedKind>(
    kind: K,
    object: ResourceByKind[K],
    options?: MutateOptions,
  ): Promise<Stored<K>>;
  update<K extends ServedKind>(
    kind: K,
    object: ResourceByKind[K],
    options?: MutateOptions,
  ): Promise<Stored<K>>;
  updateStatus<K extends ServedKind>(
    kind: K,
    object: ResourceByKind[K],
    options?: MutateOptions,
  ): Promise<Stored<K>>;
  /** `merge` is RFC 7386, by default; `json` is RFC 6902. */
  patch<K extends ServedKind>(
    kind: K,
    name: string,
    options: MutateOptions & {readonly patch: unknown; readonly type?: PatchType},
  ): Promise<Stored<K>>;
  /** Creates it, or merges what is given into what is there. `outcome` compares resource versions. */
  apply<K extends ServedKind>(
    kind: K,
    object: unknown,
    options: MutateOptions & {readonly name: string; readonly fieldManager?: string},
  ): Promise<{readonly object: Stored<K>; readonly outcome: 'created' | 'configured' | 'unchanged'}>;
  delete<K extends ServedKind>(
    kind: K,
    name: string,
    options?: MutateOptions & {readonly preconditions?: Preconditions},
  ): Promise<Stored<K>>;
  /** Events until the server ends the connection, which it does from time to time; `Expired` is thrown as an ApiError. */
  watch<K extends ServedKind>(kind: K, query?: WatchQuery): AsyncIterable<ResourceEvent<K>>;
};

/** A server that has been silent for so long is lost: bookmarks come more often. */
const watchSilence = 60_000;

export function createResourceClient(transport: Transport): ResourceClient {
  const read = <T>(path: string, query: Query, signal?: AbortSignal) =>
    transport.json<T>({method: 'GET', path, query, signal});

  return {
    get: <K extends ServedKind>(kind: K, name: string, options: {signal?: AbortSignal} = {}) =>
      read<Stored<K>>(pathOf(kind, name), {}, options.signal),
    async list<K extends ServedKind>(kind: K, {signal, ...query}: ListQuery = {}) {
      const {items, metadata} = await read<{
        items: Stored<K>[];
        metadata: {resourceVersion: string; continue?: string; remainingItemCount?: number};
      }>(pathOf(kind), query, signal);
      return {items, ...metadata};
    },
    create: <K extends ServedKind>(kind: K, object: ResourceByKind[K], options: MutateOptions = {}) =>
      transport.json<Stored<K>>({
        method: 'POST',
        path: pathOf(kind),
        json: object,
        ...mutation(options),
      }),
    update: <K extends ServedKind>(kind: K, object: ResourceByKind[K], options: MutateOptions = {}) =>
      transport.json<Stored<K>>({
        method: 'PUT',
        path: pathOf(kind, object.metadata.name),
        json: object,
        ...mutation(options),
      }),
    updateStatus: <K extends ServedKind>(kind: K, object: ResourceByKind[K], options: MutateOptions = {}) =>
      transport.json<Stored<K>>({
        method: 'PUT',
        path: `${pathOf(kind, object.metadata.name)}/status`,
        json: object,
        ...mutation(options),
      }),
    patch: <K extends ServedKind>(
      kind: K,
      name: string,
      options: MutateOptions & {patch: unknown; type?: PatchType},
    ) =>
      transport.json<Stored<K>>({
        method: 'PATCH',
        path: pathOf(kind, name),
        body: JSON.stringify(options.patch),
        headers: {
          'content-type':
            options.type === 'json' ? 'application/json-patch+json' : 'application/merge-patch+json',
        },
        ...mutation(options),
      }),
    async apply<K extends ServedKind>(
      kind: K,
      object: unknown,
      options: MutateOptions & {name: string; fieldManager?: string},
    ) {
      const before = await read<Stored<K>>(pathOf(kind, options.name), {}, options.signal).catch(
        (error: unknown) => {
          if (isApiError(error, 'NotFound')) {
            return undefined;
          }

          throw error;
        },
      );
      const call = mutation(options);
      const after = await transport.json<Stored<K>>({
        method: 'PATCH',
        path: pathOf(kind, options.name),
        body: JSON.stringify(object),
        headers: {'content-type': 'application/apply-patch+yaml'},
        ...call,
        query: {...call.query, fieldManager: options.fieldManager ?? 'nexus'},
      });
      const outcome =
        before === undefined ? 'created' : sameContent(before, after) ? 'unchanged' : 'configured';
      return {object: after, outcome};
    },
    delete: <K extends ServedKind>(
      kind: K,
      name: string,
      options: MutateOptions & {preconditions?: Preconditions} = {},
    ) =>
      transport.json<Stored<K>>({
        method: 'DELETE',
        path: pathOf(kind, name),
        ...(options.preconditions === undefined
          ? {}
          : {json: {kind: 'DeleteOptions', apiVersion: 'v1', preconditions: options.preconditions}}),
        ...mutation(options),
      }),
    watch: (kind, query) => watch(transport, kind, query ?? {}),
  };
}

async function* watch<K extends ServedKind>(
  transport: Transport,
  kind: K,
  {signal, ...query}: WatchQuery,
): AsyncIterable<ResourceEvent<K>> {
  const {body} = await transport.open({
    method: 'GET',
    path: pathOf(kind),
    query: {...query, watch: 1, allowWatchBookmarks: true},
    timeout: watchSilence,
    signal,
  });
  try {
    // The server has taken the revision: nothing was missed, however long it is until the first event.
    if (query.resourceVersion !== undefined) {
      yield {type: 'BOOKMARK', resourceVersion: query.resourceVersion};
    }

    for await (const line of linesOf(body)) {
      const event = trust<WireEvent<K>>(JSON.parse(line));
      if (event.type === 'ERROR') {
        throw new ApiError(event.object.reason, event.object.message, {status: event.object.code});
      }

      yield event.type === 'BOOKMARK'
        ? {type: 'BOOKMARK', resourceVersion: event.object.metadata.resourceVersion}
        : event;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof ApiError
      ? error
      : new ApiError('Unreachable', 'The connection to the server was lost while watching', {cause: error});
  } finally {
    body.destroy();
  }
}

type WireEvent<K extends ServedKind> =
  | {readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Stored<K>}
  | {readonly type: 'BOOKMARK'; readonly object: {readonly metadata: {readonly resourceVersion: string}}}
  | {readonly type: 'ERROR'; readonly object: {readonly code: number; reason: string; message: string}};

/** Complete lines only: half of one at the end means that the connection was cut. */
async function* linesOf(body: AsyncIterable<Buffer>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, {stream: true})).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== '') {
        yield line;
      }
    }
  }
}

function pathOf(kind: ServedKind, name?: string): string {
  if (name === '') {
    throw new ApiError('Invalid', `The name of a ${kind} must not be empty`);
  }

  const collection = `/apis/nexus.dev/v1alpha1/${kinds[kind].plural}`;
  return name === undefined ? collection : `${collection}/${encodeURIComponent(name)}`;
}

function mutation({dryRun, signal}: MutateOptions): {query: Query; signal: AbortSignal | undefined} {
  return {query: dryRun === true ? {dryRun: 'All'} : {}, signal};
}

function sameContent(before: Stored, after: Stored): boolean {
  // A dry run writes nothing, so that its resourceVersion says nothing.
  return JSON.stringify(contentOf(before)) === JSON.stringify(contentOf(after));
}

function contentOf({metadata: {labels, annotations, finalizers}, spec}: Stored): unknown {
  return [labels, annotations, finalizers, spec];
}
