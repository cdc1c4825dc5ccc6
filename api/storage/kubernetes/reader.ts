import type {Kind} from '../../v1alpha1/kinds.ts';
import {kinds} from '../../v1alpha1/kinds.ts';
import {resourceName} from '../../v1alpha1/metadata.ts';
import type {Document} from '../document.ts';
import {asStored} from '../document.ts';
import type {ListOptions, ListResult} from '../storage.ts';
import {isStorageError, StorageError} from '../storage-error.ts';
import type {Held} from './api-object.ts';
import {fromApi} from './api-object.ts';
import type {ApiList, ApiResources} from './api-resources.ts';
import {formatContinue, parseContinue} from './continue-token.ts';
import {selectionOf} from './selection.ts';

export type Reader = {
  /** Throws NotFound. */
  get(kind: Kind, name: string): Promise<Held>;
  /** Undefined when there is none. */
  find(kind: Kind, name: string): Promise<Held | undefined>;
  list<K extends Kind>(kind: K, options: ListOptions): Promise<ListResult<K>>;
  /** All that `options` selects, at exactly this version. Throws Expired. */
  listAt(kind: Kind, resourceVersion: string, options: ListOptions): Promise<readonly Document[]>;
};

/** Objects that are asked for at a time. */
const chunk = 500;

type Page = {readonly documents: readonly Document[]; readonly list: ApiList};

export function createReader(api: ApiResources): Reader {
  const fetchPage = async (
    kind: Kind,
    query: Readonly<Record<string, string | undefined>>,
  ): Promise<Page> => {
    const list = await api.list(kinds[kind].plural, query);
    return {list, documents: list.items.map(item => fromApi(kind, item).document)};
  };

  const fetchAll = async (kind: Kind, options: ListOptions, at: Readonly<Record<string, string>>) => {
    const selection = selectionOf(kind, options);
    const documents: Document[] = [];
    let {list, documents: found} = await fetchPage(kind, {...selection.query, ...at, limit: String(chunk)});
    const {resourceVersion} = list;
    for (;;) {
      documents.push(...found.filter(selection.matches));
      if (list.continue === undefined) {
        return {documents, resourceVersion};
      }

      ({list, documents: found} = await fetchPage(kind, {
        ...selection.query,
        limit: String(chunk),
        continue: list.continue,
      }));
    }
  };

  const get = async (kind: Kind, name: string): Promise<Held> => {
    if (!resourceName.safeParse(name).success) {
      throw notFound(kind, name);
    }

    try {
      return fromApi(kind, await api.get(kinds[kind].plural, name));
    } catch (error) {
      throw isStorageError(error, 'NotFound') ? notFound(kind, name) : error;
    }
  };

  return {
    get,
    find: (kind, name) =>
      get(kind, name).catch((error: unknown) => {
        if (isStorageError(error, 'NotFound')) {
          return undefined;
        }

        throw error;
      }),
    async list(kind, options) {
      if (options.limit === undefined && options.continue === undefined) {
        const {documents, resourceVersion} = await fetchAll(kind, options, {});
        return {items: documents.map(asStored<typeof kind>), resourceVersion};
      }

      return page(fetchPage, kind, options);
    },
    async listAt(kind, resourceVersion, options) {
      const at = {resourceVersion, resourceVersionMatch: 'Exact'};
      return (await fetchAll(kind, options, at)).documents;
    },
  };
}

/** One page: what the API server selects itself it also counts; otherwise one more is looked for, so that the last page knows that it is. */
async function page<K extends Kind>(
  fetchPage: (kind: Kind, query: Readonly<Record<string, string | undefined>>) => Promise<Page>,
  kind: K,
  options: ListOptions,
): Promise<ListResult<K>> {
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  if (options.limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0)) {
    throw new StorageError('Invalid', `The limit of a list must be a whole number above 0, not ${limit}`);
  }

  const selection = selectionOf(kind, options);
  const isSelective = selection.isPartial || Object.keys(selection.query).length > 0;
  const size = isSelective ? chunk : Math.min(limit, chunk);
  const start = options.continue === undefined ? undefined : parseContinue(kind, options.continue);
  let {token, after = ''} = start ?? {};
  let revision = start?.revision;
  const found: Document[] = [];
  for (;;) {
    const exactly = {
      resourceVersion: revision,
      resourceVersionMatch: revision === undefined ? undefined : 'Exact',
    };
    const {list, documents} = await fetchPage(kind, {
      ...selection.query,
      limit: String(size),
      ...(token === undefined ? exactly : {continue: token}),
    });
    revision ??= list.resourceVersion;
    for (const document of documents) {
      const {name} = document.metadata;
      if (name > after && selection.matches(document)) {
        if (found.length === limit) {
          return result(found, revision, {
            continue: formatContinue(kind, {revision, after, ...(token && {token})}),
          });
        }

        found.push(document);
        after = name;
      }
    }

    if (list.continue === undefined) {
      return result(found, revision, {});
    }

    token = list.continue;
    if (found.length === limit && !isSelective) {
      const {remainingItemCount} = list;
      return result(found, revision, {
        continue: formatContinue(kind, {revision, after, token}),
        ...(remainingItemCount === undefined ? {} : {remainingItemCount}),
      });
    }
  }
}

function result<K extends Kind>(
  documents: readonly Document[],
  resourceVersion: string,
  rest: {continue?: string; remainingItemCount?: number},
): ListResult<K> {
  return {items: documents.map(asStored<K>), resourceVersion, ...rest};
}

function notFound(kind: Kind, name: string): StorageError {
  return new StorageError('NotFound', `There is no ${kind} named ${JSON.stringify(name)}`);
}
