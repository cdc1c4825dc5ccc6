import {kinds} from '../../v1alpha1/kinds.ts';
import {withoutStoreAnnotations} from '../../v1alpha1/store-annotations.ts';
import type {Document} from '../document.ts';
import type {StoreRecord} from '../moving/store-record.ts';
import {recordDigest} from '../moving/store-record.ts';
import {isStorageError, StorageError} from '../storage-error.ts';
import {fromApi, toApi, wholeOriginOf} from './api-object.ts';
import type {ApiResources} from './api-resources.ts';
import {tolerating} from './claim-repair.ts';
import {heldPorts} from './held-ports.ts';
import {internalKinds} from './internal-kinds.ts';
import type {PortClaims} from './port-claims.ts';
import type {Tombstones} from './tombstones.ts';
import {tombstoneName} from './tombstones.ts';

/** Makes objects that were in another store be here as they were there. Nobody else writes them meanwhile. */
export type Restorer = {
  /** Tells of what is here already. */
  present(record: StoreRecord): void;
  /** Writes nothing when it is here already; replaces what is here under its name. */
  restore(record: StoreRecord): Promise<void>;
  /** Removes what is here and was not restored, one with each call. */
  left(): readonly (() => Promise<void>)[];
};

export function createRestorer({
  api,
  claims,
  tombstones,
  namespace,
}: {
  api: ApiResources;
  claims: PortClaims;
  tombstones: Tombstones;
  namespace: string;
}): Restorer {
  /** By where they are. */
  const here = new Map<string, {readonly digest: string; readonly record: StoreRecord}>();

  const remove = async ({type, object}: StoreRecord) => {
    if (type === 'tombstone') {
      await tolerating(api.remove(internalKinds.Tombstone.plural, tombstoneName(object)));
      return;
    }

    const {plural} = kinds[object.kind];
    const {name} = object.metadata;
    // Nothing of what it stands for may be touched: it is somewhere else, too.
    if (object.metadata.finalizers !== undefined) {
      await tolerating(api.merge(plural, name, {metadata: {finalizers: null}}));
    }

    await tolerating(api.remove(plural, name));
  };

  const create = async (object: Document) => {
    const {kind, metadata, status} = object;
    const {plural} = kinds[kind];
    const origin = wholeOriginOf(object);
    const {status: _, ...rest} = object;
    const declared = {...rest, metadata: withoutStoreAnnotations(metadata)};
    let {document} = fromApi(kind, await api.create(plural, toApi(declared, namespace, origin)));
    if (status !== undefined) {
      const body = toApi({...document, status}, namespace, origin);
      ({document} = fromApi(kind, await api.replace(plural, `${metadata.name}/status`, {body})));
    }

    // Last, since who writes becomes an owner of what it changes, and this changes nothing.
    if (metadata.managedFields !== undefined) {
      const body = withOwners(toApi(document, namespace, origin), metadata.managedFields);
      ({document} = fromApi(kind, await api.replace(plural, metadata.name, {body})));
    }

    if (heldPorts(document).length > 0) {
      const {resourceVersion: version} = document.metadata;
      // What is here of before may hold one still: repairClaims follows when that is gone.
      await tolerating(claims.acquire({next: document, current: undefined, version}));
    }

    if (metadata.deletionTimestamp !== undefined) {
      await api.remove(plural, metadata.name);
    }
  };

  return {
    present(record) {
      here.set(placeOf(record), {digest: recordDigest(record), record});
    },
    async restore(record) {
      const known = here.get(placeOf(record));
      here.delete(placeOf(record));
      if (known?.digest === recordDigest(record)) {
        return;
      }

      const {kind, metadata} = record.object;
      try {
        if (record.type === 'tombstone') {
          await tombstones.put(record.object, record.deletedAt);
          return;
        }

        if (known !== undefined) {
          await remove(known.record);
        }

        await create(record.object);
      } catch (cause) {
        throw isStorageError(cause)
          ? new StorageError(cause.code, `${kind} ${metadata.name} is not taken: ${cause.message}`, {cause})
          : cause;
      }
    },
    left: () =>
      [...here.values()].map(
        ({record}) =>
          () =>
            remove(record),
      ),
  };
}

/** Who owns which fields, in place of whom the API server takes for the owner of all: whoever made the object. */
function withOwners(body: Record<string, unknown>, managedFields: readonly unknown[]): object {
  const metadata = typeof body.metadata === 'object' ? body.metadata : {};
  return {...body, metadata: {...metadata, managedFields}};
}

function placeOf({type, object}: StoreRecord): string {
  return type === 'tombstone' ? tombstoneName(object) : `${object.kind} ${object.metadata.name}`;
}
