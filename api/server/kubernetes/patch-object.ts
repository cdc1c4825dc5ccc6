import type {Mapping} from '../../managed-fields/value-schema.ts';
import {isMapping} from '../../managed-fields/value-schema.ts';
import {isStorageError} from '../../storage/storage-error.ts';
import type {Stored} from '../../v1alpha1/kinds.ts';
import type {ServedKind} from '../../v1alpha1/validate.ts';
import {jsonPatch, mergePatch} from '../patch.ts';
import {applyConflict} from './apply-conflict.ts';
import {completeObject, strictFaults} from './decode-object.ts';
import {metadataOf, nameOf, toKube, withMetadata} from './kube-object.ts';
import type {KubeResource} from './kube-resource.ts';
import {group, onlyNamespace, version} from './kube-resource.ts';
import {badRequest, conflict, invalid, invalidOptions, StatusError, warned} from './status-error.ts';
import {typeFaults} from './type-faults.ts';
import type {Write, WriteContext} from './write-object.ts';
import {asStatus, createObject, isStale, replaceObject, stale, subjectOf} from './write-object.ts';
import type {WriteRequest} from './write-options.ts';

export const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/apply-patch+yaml',
] as const;

export type PatchType = (typeof patchTypes)[number];

export type Patch = {
  readonly name: string;
  readonly type: PatchType;
  readonly body: unknown;
  /** Fields that the body gives twice. */
  readonly duplicates: readonly string[];
  readonly request: WriteRequest;
  readonly subresource: 'status' | undefined;
};

export type Patched = {
  readonly object: Mapping;
  readonly created: boolean;
  readonly warnings: readonly string[];
};

/** Of a patch that names no resourceVersion, against writers that are faster. */
const attempts = 5;

/** Reads, patches, writes; again when somebody else was faster. Throws StatusError. */
export async function patchObject(context: WriteContext, patch: Patch): Promise<Patched> {
  const subject = subjectOf(context.resource, patch.name);
  const change = patch.type === 'application/apply-patch+yaml' ? applyOnce : patchOnce;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await change(context, patch);
    } catch (error) {
      if (!isStale(error)) {
        throw error;
      }

      if (attempt === attempts) {
        throw stale(subject);
      }
    }
  }
}

async function patchOnce(context: WriteContext, patch: Patch): Promise<Patched> {
  const {name, type, body, request, subresource} = patch;
  const {storage, resource} = context;
  const existing = await asStatus(subjectOf(resource, name), () => storage.get(resource.kind, name));
  const current = toKube(existing);
  const patched =
    type === 'application/json-patch+json' ? jsonPatch(current, body) : mergePatch(current, body);
  if (!isMapping(patched)) {
    throw badRequest('error decoding patch: what it makes is no object');
  }

  checkNames(patched, current);
  const {object, unknown} = completePatched(patched, resource);
  const warnings = strictness(patch, {unknown, patched});
  const write: Write = {
    manager: {name: request.manager, operation: 'Update', subresource},
    dryRun: request.dryRun,
  };
  const replaced = await warned(warnings, () => replaceObject(context, {existing, object}, write));
  return {object: replaced, created: false, warnings};
}

/** Unknown fields by what the request wants of them: refused, warned of, or dropped in silence. */
function strictness(
  {duplicates, request}: Patch,
  {unknown, patched}: {unknown: readonly string[]; patched: Mapping},
): readonly string[] {
  const faults = strictFaults(duplicates, unknown);
  if (request.fieldValidation === 'Strict' && faults.length > 0) {
    throw unusable(patched, `strict decoding error: ${faults.join(', ')}`);
  }

  return request.fieldValidation === 'Warn' ? faults : [];
}

/** That what the patch makes can't be read is the patch's fault. */
function completePatched(patched: Mapping, resource: KubeResource): ReturnType<typeof completeObject> {
  try {
    return completeObject(patched, resource);
  } catch (error) {
    throw error instanceof StatusError ? unusable(patched, error.message) : error;
  }
}

function unusable(patched: Mapping, detail: string): StatusError {
  const value = JSON.stringify(sortedByName(patched));
  return invalidOptions('', {faults: [{type: 'FieldValueInvalid', field: 'patch', value, detail}]});
}

/** As Go writes mappings. */
function sortedByName(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sortedByName);
  }

  return isMapping(value)
    ? Object.fromEntries(
        Object.entries(value)
          .sort(([left], [right]) => (left < right ? -1 : 1))
          .map(([name, part]) => [name, sortedByName(part)]),
      )
    : value;
}

function checkNames(patched: Mapping, current: Mapping): void {
  for (const field of ['apiVersion', 'kind'] as const) {
    const [given, expected] = [patched[field], current[field]];
    if (given !== expected) {
      const subject = {plural: '', kind: String(patched.kind), name: nameOf(current)};
      const detail = `must be ${String(expected)}`;
      throw invalid(subject, [{type: 'FieldValueInvalid', field, value: given, detail}]);
    }
  }

  if (nameOf(patched) !== nameOf(current)) {
    throw badRequest(
      `the name of the object (${nameOf(patched)}) does not match the name on the URL (${nameOf(current)})`,
    );
  }
}

async function applyOnce(context: WriteContext, patch: Patch): Promise<Patched> {
  const {name, request, subresource} = patch;
  const {resource, owners} = context;
  const {kind} = resource;
  const subject = subjectOf(resource, name);
  const config = configOf(patch, resource);
  const existing = await asStatus(subject, () => getIfPresent(context, patch));
  const live = existing === undefined ? {apiVersion: config.apiVersion, kind} : toKube(existing);
  const manager = {name: request.manager, operation: 'Apply' as const, subresource};
  const applied = owners.apply({kind, live, config, manager, force: request.force === true});
  if (applied.outcome === 'Conflicts') {
    throw applyConflict(applied.conflicts);
  }

  const {object} = completeObject(isMapping(applied.object) ? applied.object : {}, resource);
  const {uid} = metadataOf(config);
  if (existing === undefined && uid !== undefined) {
    throw conflict(
      subject,
      `uid mismatch: the provided object specified uid ${String(uid)}, and no existing object was found`,
    );
  }

  const write: Write = {manager, dryRun: request.dryRun, entries: applied.entries};
  return existing === undefined
    ? {object: await createObject(context, object, write), created: true, warnings: []}
    : {object: await replaceObject(context, {existing, object}, write), created: false, warnings: []};
}

/** What is not there is created, except by way of its status. */
async function getIfPresent(
  {storage, resource}: WriteContext,
  {name, subresource}: Patch,
): Promise<Stored<ServedKind> | undefined> {
  try {
    return await storage.get(resource.kind, name);
  } catch (error) {
    if (subresource === undefined && isStorageError(error, 'NotFound')) {
      return undefined;
    }

    throw error;
  }
}

/** What is applied, checked as far as merging needs it. */
function configOf({name, body, duplicates}: Patch, {kind, fullSchema}: KubeResource): Mapping {
  if (!isMapping(body)) {
    throw badRequest('error decoding YAML: what is applied is no object');
  }

  const {apiVersion, kind: given} = body;
  if (apiVersion !== `${group}/${version}` || given !== kind) {
    throw badRequest(`invalid object type: ${describeType(apiVersion, given)}`);
  }

  const metadata = metadataOf(body);
  if (metadata.managedFields !== undefined && metadata.managedFields !== null) {
    throw badRequest('metadata.managedFields must be nil');
  }

  if (metadata.name !== undefined && metadata.name !== name) {
    throw badRequest(
      `the name of the object (${String(metadata.name)}) does not match the name on the URL (${name})`,
    );
  }

  const {namespace = ''} = metadata;
  if (namespace !== '' && namespace !== onlyNamespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }

  const faults = [...duplicates.map(path => `.${path}: given twice`), ...typeFaults(body, fullSchema)];
  if (faults.length > 0) {
    const all = faults.length === 1 ? faults[0] : `errors:\n${faults.map(fault => `  ${fault}`).join('\n')}`;
    throw new StatusError(500, undefined, {
      message: `failed to create typed patch object (${String(namespace)}/${name}; ${group}/${version}, Kind=${kind}): ${all}`,
    });
  }

  return withMetadata(body, {name, namespace: onlyNamespace});
}

function describeType(apiVersion: unknown, kind: unknown): string {
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  return `${text(apiVersion) === '' ? '/' : text(apiVersion)}, Kind=${text(kind)}`;
}
