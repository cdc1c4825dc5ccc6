import {isStorageError} from '../storage/storage-error.ts';
import {defaultOwner} from '../v1alpha1/admission.ts';
import type {ResourceByKind, Stored} from '../v1alpha1/kinds.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';
import {invalid, parseResourceOf} from '../v1alpha1/validate.ts';
import type {CallerStorage} from './authorized-storage.ts';
import {jsonPatch, mergePatch} from './patch.ts';
import {RequestError} from './request-error.ts';

/** Of a patch that names no resourceVersion, against writers that are faster. */
const patchAttempts = 5;

export type PatchRequest = {
  readonly kind: ServedKind;
  readonly name: string;
  readonly body: unknown;
  readonly type: string;
  readonly status: boolean;
  readonly dryRun: boolean;
  readonly fieldManager: string | undefined;
};

/** Reads, patches, writes; again when somebody else was faster. An apply creates what is not there. */
export async function patchResource(
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
export function named<R extends ResourceByKind[ServedKind]>(resource: R, name: string): R {
  if (resource.metadata.name !== name) {
    throw invalid(`This is ${resource.kind} "${resource.metadata.name}", sent to the path of "${name}"`, [
      {path: 'metadata.name', message: `must be ${name}, as in the path`},
    ]);
  }

  return resource;
}
