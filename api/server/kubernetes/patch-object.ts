import type {Mapping} from '../../managed-fields/value-schema.ts';
import {isMapping} from '../../managed-fields/value-schema.ts';
import {pruneUnknown} from '../../resource-schema/prune-unknown.ts';
import {isStorageError} from '../../storage/storage-error.ts';
import type {Stored} from '../../v1alpha1/kinds.ts';
import type {ServedKind} from '../../v1alpha1/validate.ts';
import {jsonPatch, mergePatch} from '../patch.ts';
import {applyConflict} from './apply-conflict.ts';
import {completeObject} from './decode-object.ts';
import {metadataOf, nameOf, toKube, withMetadata} from './kube-object.ts';
import type {KubeResource} from './kube-resource.ts';
import {group, onlyNamespace, version} from './kube-resource.ts';
import {badRequest, invalidOptions, StatusError} from './status-error.ts';
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
    throw badRequest('what the patch makes is no object');
  }

  checkNames(patched, current);
  const {object, unknown} = completeObject(patched, resource);
  const warnings = strictness(patch, unknown);
  const write: Write = {
    manager: {name: request.manager, operation: 'Update', subresource},
    dryRun: request.dryRun,
  };
  return {object: await replaceObject(context, {existing, object}, write), created: false, warnings};
}

/** Unknown fields by what the request wants of them: refused, warned of, or dropped in silence. */
function strictness({body, duplicates, request}: Patch, unknown: readonly string[]): readonly string[] {
  const faults = [
    ...duplicates.map(path => `duplicate field "${path}"`),
    ...unknown.map(path => `unknown field "${path}"`),
  ];
  if (request.fieldValidation === 'Strict' && faults.length > 0) {
    throw invalidOptions('', {
      faults: [
        {
          type: 'FieldValueInvalid',
          field: 'patch',
          value: JSON.stringify(body),
          detail: `strict decoding error: ${faults.join(', ')}`,
        },
      ],
    });
  }

  return request.fieldValidation === 'Warn' ? faults : [];
}

function checkNames(patched: Mapping, current: Mapping): void {
  if (patched.apiVersion !== current.apiVersion || patched.kind !== current.kind) {
    throw badRequest('a patch can not change apiVersion and kind');
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
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${String(apiVersion)}, expected: ${group}/${version}`,
    );
  }

  const metadata = metadataOf(body);
  if (metadata.managedFields !== undefined && metadata.managedFields !== null) {
    throw badRequest('metadata.managedFields must be nil');
  }

  if (metadata.name !== undefined && metadata.name !== name) {
    throw badRequest(
      `the name of the object (${String(metadata.name)} based on URL) was undeterminable or differs: expected ${name}`,
    );
  }

  const config = withMetadata(body, {name, namespace: onlyNamespace});
  const [unknown] = pruneUnknown(config, fullSchema).unknown;
  if (unknown !== undefined || duplicates.length > 0) {
    throw undeclared(`.${unknown ?? duplicates[0]}`, {name, kind});
  }

  return config;
}

function undeclared(path: string, {name, kind}: {name: string; kind: string}): Error {
  return new StatusError(500, 'InternalError', {
    message: `failed to create typed patch object (${onlyNamespace}/${name}; ${group}/${version}, Kind=${kind}): ${path}: field not declared in schema`,
  });
}
