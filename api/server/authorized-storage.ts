import type {
  ListOptions,
  ListResult,
  Preconditions,
  StatusWriteOptions,
  Storage,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from '../storage/storage.ts';
import {isStorageError, StorageError} from '../storage/storage-error.ts';
import type {Caller} from '../v1alpha1/admission.ts';
import {admitCreate, admitStatusUpdate, admitUpdate, checkKind} from '../v1alpha1/admission.ts';
import type {ResourceByKind, Stored} from '../v1alpha1/kinds.ts';
import type {ObjectMeta} from '../v1alpha1/metadata.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';
import {invalid} from '../v1alpha1/validate.ts';
import type {AuditLog} from './audit-log.ts';
import {checkDeletion, deleteBelongings} from './deletion-check.ts';
import type {FieldOwners} from './kubernetes/field-owners.ts';
import {managedFieldsOf} from './kubernetes/field-owners.ts';
import {metadataOf, ownersOf, toKube} from './kubernetes/kube-object.ts';
import {createVisibility} from './visibility.ts';

/**
 * The store as one caller may use it. What a caller may not see is `NotFound`, as if it were not there; what it may see but not change is
 * `Forbidden`. Every change is admitted first, and written to the audit events after.
 */
export type CallerStorage = {
  readonly caller: Caller;
  get<K extends ServedKind>(kind: K, name: string): Promise<Stored<K>>;
  list<K extends ServedKind>(kind: K, options?: ListOptions): Promise<ListResult<K>>;
  create<K extends ServedKind>(
    kind: K,
    object: ResourceByKind[K],
    options?: CallerWriteOptions,
  ): Promise<Stored<K>>;
  update<K extends ServedKind>(
    kind: K,
    object: ResourceByKind[K],
    options?: CallerWriteOptions,
  ): Promise<Stored<K>>;
  updateStatus<K extends ServedKind>(
    kind: K,
    object: ResourceByKind[K],
    options?: CallerWriteOptions & StatusWriteOptions,
  ): Promise<Stored<K>>;
  delete<K extends ServedKind>(
    kind: K,
    name: string,
    options?: WriteOptions & {preconditions?: Preconditions},
  ): Promise<Stored<K>>;
  watch<K extends ServedKind>(kind: K, options: WatchOptions): AsyncIterable<WatchEvent<K>>;
};

export type CallerWriteOptions = WriteOptions & {
  /** `given`: the object's managedFields say who owns what after this write. Without it, what changes belongs to Nexus from then on. */
  readonly owners?: 'given';
};

export type AuthorizedStorage = {
  as(caller: Caller, requestId: string): CallerStorage;
};

/** Of an update that names no resourceVersion, against writers that are faster. */
const attempts = 5;

export function createAuthorizedStorage({
  storage,
  audit,
  owners,
}: {
  storage: Storage;
  audit: AuditLog;
  owners: FieldOwners;
}): AuthorizedStorage {
  return {
    as(caller, requestId) {
      const visibility = createVisibility(storage, caller);
      const get = async <K extends ServedKind>(kind: K, name: string): Promise<Stored<K>> => {
        const object = await storage.get(kind, name);
        if (!(await visibility.sees(object))) {
          throw new StorageError('NotFound', `${kind} "${name}" does not exist`);
        }

        return visibility.redact(object);
      };

      const record = (object: Stored<ServedKind>, reason: string, message: string) =>
        audit.record({object, reason, message, actor: caller.name, requestId});

      /** What was admitted is written onto what it was admitted against, and nothing newer. */
      const replace = async <K extends ServedKind>(
        kind: K,
        object: ResourceByKind[K],
        {owners: given, ...options}: CallerWriteOptions,
      ): Promise<{existing: Stored<K>; updated: Stored<K>}> => {
        for (let attempt = 1; ; attempt += 1) {
          const existing = await get(kind, object.metadata.name);
          const admitted = admitUpdate(object, existing, caller);
          await checkOwner(storage, admitted);
          const {resourceVersion = existing.metadata.resourceVersion} = object.metadata;
          try {
            const managed =
              given === 'given' ? admitted.metadata : ownedMetadata(owners, {existing, next: admitted});
            const metadata = {...managed, resourceVersion, uid: existing.metadata.uid};
            return {existing, updated: await storage.update(kind, {...admitted, metadata}, options)};
          } catch (error) {
            if (
              !isStorageError(error, 'Conflict') ||
              object.metadata.resourceVersion !== undefined ||
              attempt === attempts
            ) {
              throw error;
            }
          }
        }
      };

      return {
        caller,
        get,
        async list(kind, options = {}) {
          const scope = visibility.scope(kind, options);
          const result = await storage.list(kind, scope);
          return visibility.filters(kind)
            ? {...result, items: await visibility.select(result.items)}
            : result;
        },
        async create(kind, object, {owners: given, ...options} = {}) {
          const admitted = admitCreate(given === 'given' ? object : unowned(object), caller);
          await checkOwner(storage, admitted);
          const created = await storage.create(kind, admitted, options);
          if (kind === 'User' && options.dryRun !== true) {
            // What a deletion that was cut off has left of an earlier one of that name.
            await deleteBelongings(storage, created.metadata.name);
          }

          if (options.dryRun !== true) {
            await record(created, 'Created', `${caller.name} created ${describe(created)}`);
          }

          return created;
        },
        async update(kind, object, options = {}) {
          const {existing, updated} = await replace(kind, object, options);
          if (
            options.dryRun !== true &&
            updated.metadata.resourceVersion !== existing.metadata.resourceVersion
          ) {
            await record(
              updated,
              'Updated',
              updated.metadata.generation === existing.metadata.generation
                ? `${caller.name} changed the metadata of ${describe(updated)}`
                : `${caller.name} changed ${describe(updated)} (generation ${updated.metadata.generation})`,
            );
          }

          return updated;
        },
        async updateStatus(kind, object, {owners: _, ...options} = {}) {
          const existing = await get(kind, object.metadata.name);
          admitStatusUpdate(object, existing, caller);
          return storage.updateStatus(kind, object, options);
        },
        async delete(kind, name, options = {}) {
          const existing = await get(kind, name);
          checkKind(existing, caller, 'delete');
          await checkDeletion(storage, existing);
          const preconditions = {uid: existing.metadata.uid, ...options.preconditions};
          const deleted = await storage.delete(kind, name, {...options, preconditions});
          if (kind === 'User' && options.dryRun !== true) {
            await deleteBelongings(storage, name);
          }

          if (options.dryRun !== true && existing.metadata.deletionTimestamp === undefined) {
            await record(deleted, 'Deleted', `${caller.name} deleted ${describe(deleted)}`);
          }

          return deleted;
        },
        async *watch<K extends ServedKind>(kind: K, options: WatchOptions): AsyncGenerator<WatchEvent<K>> {
          for await (const event of storage.watch(kind, {...options, ...visibility.scope(kind, options)})) {
            if (event.type === 'BOOKMARK') {
              yield event;
              continue;
            }

            const object: Stored<K> = event.object;
            if (await visibility.sees(object)) {
              yield {type: event.type, object: visibility.redact(object)};
            }
          }
        },
      };
    },
  };
}

/** Who owns what after a write by Nexus's own API, of an object that anybody owns something of. */
function ownedMetadata<K extends ServedKind>(
  owners: FieldOwners,
  {existing, next}: {existing: Stored<K>; next: ResourceByKind[K]},
): ObjectMeta {
  const {managedFields: _, ...metadata} = next.metadata;
  if (existing.metadata.managedFields === undefined) {
    return metadata;
  }

  const before = toKube(existing);
  const after = {...before, spec: next.spec, metadata: {...metadataOf(before), ...metadata}};
  const manager = {name: 'nexus', operation: 'Update' as const};
  const entries = owners.afterChange(ownersOf(before), {kind: existing.kind, before, after, manager});
  const managedFields = [...managedFieldsOf(entries, {current: before, next: after})];
  return managedFields.length === 0 ? metadata : {...metadata, managedFields};
}

function unowned<R extends ResourceByKind[ServedKind]>(object: R): R {
  const {managedFields: _, ...metadata} = object.metadata;
  return {...object, metadata};
}

/** A workspace is opened with the keys of a User, which must therefore exist. */
async function checkOwner(storage: Storage, object: ResourceByKind[ServedKind]): Promise<void> {
  if (object.kind !== 'Workspace') {
    return;
  }

  const {owner} = object.spec;
  try {
    await storage.get('User', owner);
  } catch (error) {
    if (isStorageError(error, 'NotFound')) {
      throw invalid(`Workspace "${object.metadata.name}" is not valid`, [
        {path: 'spec.owner', message: `names no User: ${owner}; register it first`},
      ]);
    }

    throw error;
  }
}

function describe({kind, metadata}: Stored): string {
  return `${kind} "${metadata.name}"`;
}
