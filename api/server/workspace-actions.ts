import {createHash} from 'node:crypto';
import {isDeepStrictEqual} from 'node:util';
import type {Storage} from '../storage/storage.ts';
import {isStorageError, StorageError} from '../storage/storage-error.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import {apiVersion} from '../v1alpha1/metadata.ts';
import type {Workspace, WorkspaceSpec} from '../v1alpha1/workspace.ts';
import {instanceFinalizer} from '../v1alpha1/workspace.ts';
import type {AuditLog} from './audit-log.ts';
import type {CallerStorage} from './authorized-storage.ts';
import {findResource} from './find-resource.ts';
import {RequestError} from './request-error.ts';

const keyLabel = 'nexus.dev/idempotency-key';
const digestAnnotation = 'nexus.dev/request-digest';

/** Of a read-change-write against writers that are faster. */
const attempts = 5;

/**
 * Creates it once. Asked again, with the same `Idempotency-Key` or for the same workspace of the same owner, it answers what is there. Throws
 * `AlreadyExists` for another workspace of that name, `Unprocessable` for a key that was used for something else.
 */
export async function createWorkspace(
  storage: CallerStorage,
  request: {readonly name: string; readonly spec: WorkspaceSpec; readonly idempotencyKey: string | undefined},
): Promise<Stored<'Workspace'>> {
  const {name, spec} = request;
  const key = checkKey(request.idempotencyKey);
  const digest = sha256(JSON.stringify([name, spec]));
  if (key !== undefined) {
    const known = await findByKey(storage, key, spec.owner);
    if (known !== undefined && known.metadata.annotations?.[digestAnnotation] !== digest) {
      throw new RequestError('Unprocessable', 'This Idempotency-Key was used for another request before', {
        hint: 'Use a new key for each thing that is to be created.',
      });
    }

    if (known !== undefined) {
      return known;
    }
  }

  const marks =
    key === undefined ? {} : {labels: {[keyLabel]: key}, annotations: {[digestAnnotation]: digest}};
  try {
    return await storage.create('Workspace', {
      apiVersion,
      kind: 'Workspace',
      metadata: {name, ...marks},
      spec,
    });
  } catch (error) {
    if (!isStorageError(error, 'AlreadyExists')) {
      throw error;
    }

    return sameOrTaken(storage, name, {spec, taken: error});
  }
}

/** Reads, changes, writes; again when somebody else was faster. `change` gives undefined when there is nothing to do. */
export async function changeWorkspace(
  storage: CallerStorage,
  id: string,
  change: (workspace: Stored<'Workspace'>) => Workspace | undefined,
): Promise<Stored<'Workspace'>> {
  for (let attempt = 1; ; attempt += 1) {
    const existing = await findResource(storage, 'Workspace', id);
    const changed = change(existing);
    if (changed === undefined) {
      return existing;
    }

    try {
      return await storage.update('Workspace', changed);
    } catch (error) {
      if (!isStorageError(error, 'Conflict') || attempt === attempts) {
        throw error;
      }
    }
  }
}

/**
 * The last state of a workspace that is gone, created again with its uid, so that it finds what its node has kept. Throws `NotFound` when nothing
 * is known of it, or it was somebody else's; `Conflict` while it still exists.
 */
export async function undeleteWorkspace(
  {storage, audit}: {storage: Storage; audit: AuditLog},
  request: {readonly caller: CallerStorage['caller']; readonly name: string; readonly requestId: string},
): Promise<Stored<'Workspace'>> {
  const {caller, name, requestId} = request;
  const last = (await storage.history('Workspace', name)).at(-1);
  if (last === undefined || !(await mayHave(storage, caller, last.object))) {
    throw new StorageError('NotFound', `Nothing is known of a workspace "${name}" that was deleted`);
  }

  if (last.type !== 'DELETED') {
    throw new StorageError(
      'Conflict',
      last.object.metadata.deletionTimestamp === undefined
        ? `Workspace "${name}" exists`
        : `Workspace "${name}" is still being deleted; try again when it is gone`,
    );
  }

  const {uid, labels, annotations = {}} = last.object.metadata;
  const restored = await storage.create('Workspace', {
    apiVersion,
    kind: 'Workspace',
    metadata: {
      name,
      uid,
      finalizers: [instanceFinalizer],
      ...(labels === undefined ? {} : {labels}),
      annotations: Object.fromEntries(
        Object.entries(annotations).filter(([key]) => key !== forceDeleteAnnotation),
      ),
    },
    spec: last.object.spec,
  });
  await audit.record({
    object: restored,
    reason: 'Undeleted',
    message: `${caller.name} gave Workspace "${name}" back`,
    actor: caller.name,
    requestId,
  });
  return restored;
}

/** Admins may have all; a user what it owned itself, and no namesake before its time. */
async function mayHave(
  storage: Storage,
  {name, role}: CallerStorage['caller'],
  {metadata, spec}: Stored<'Workspace'>,
): Promise<boolean> {
  if (role === 'admin' || spec.owner !== name) {
    return role === 'admin';
  }

  const user = await storage.get('User', name);
  return user.metadata.creationTimestamp <= metadata.creationTimestamp;
}

/** Set by a forced deletion: what holds unsaved work is destroyed, what an unreachable node keeps is let go of. */
export const forceDeleteAnnotation = 'nexus.dev/force-delete';

/** A time; when it changes, the next attempt is made at once. */
export const retryAnnotation = 'nexus.dev/retry-at';

async function sameOrTaken(
  storage: CallerStorage,
  name: string,
  {spec, taken}: {spec: WorkspaceSpec; taken: StorageError},
): Promise<Stored<'Workspace'>> {
  const existing = await storage.get('Workspace', name).catch((error: unknown) => {
    throw isStorageError(error, 'NotFound')
      ? new StorageError('AlreadyExists', `The name "${name}" is taken; choose another one`)
      : error;
  });
  // Whether it runs at present does not make it another one.
  const same = isDeepStrictEqual({...existing.spec, running: true}, {...spec, running: true});
  if (!same || existing.metadata.deletionTimestamp !== undefined) {
    throw taken;
  }

  return existing;
}

async function findByKey(
  storage: CallerStorage,
  key: string,
  owner: string,
): Promise<Stored<'Workspace'> | undefined> {
  const {items} = await storage.list('Workspace', {
    labels: [{key: keyLabel, operator: 'In', values: [key]}],
    fields: {'spec.owner': owner},
  });
  return items[0];
}

function checkKey(key: string | undefined): string | undefined {
  if (key === undefined) {
    return undefined;
  }

  if (!/^[\x21-\x7E]{1,255}$/.test(key)) {
    throw new RequestError('BadRequest', 'The Idempotency-Key must be 1 to 255 visible ASCII characters');
  }

  return sha256(key).slice(0, 40);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
