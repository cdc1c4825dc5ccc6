import type {ManagedEntry, Manager} from '../../managed-fields/managed-entries.ts';
import type {Mapping} from '../../managed-fields/value-schema.ts';
import type {RuleHolds} from '../../resource-schema/check-rules.ts';
import {isStorageError} from '../../storage/storage-error.ts';
import type {Caller} from '../../v1alpha1/admission.ts';
import type {Stored} from '../../v1alpha1/kinds.ts';
import type {ServedKind} from '../../v1alpha1/validate.ts';
import type {CallerStorage} from '../authorized-storage.ts';
import {admitted} from './admitted.ts';
import type {FieldOwners} from './field-owners.ts';
import {managedFieldsOf} from './field-owners.ts';
import {metadataOf, nameOf, ownersOf, toKube, withMetadata} from './kube-object.ts';
import type {KubeResource} from './kube-resource.ts';
import {onlyNamespace} from './kube-resource.ts';
import type {Subject} from './status-error.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  forbidden,
  invalid,
  notFound,
  StatusError,
  staleText,
} from './status-error.ts';
import {validateObject} from './validate-object.ts';

export type WriteContext = {
  readonly storage: CallerStorage;
  readonly resource: KubeResource;
  readonly owners: FieldOwners;
  readonly rules: RuleHolds;
};

export type Write = {
  readonly manager: Manager;
  readonly dryRun: boolean;
  /** After an apply, which says itself who owns what. */
  readonly entries?: readonly ManagedEntry[];
};

/** Mutations by Nexus itself, such as a workspace's finalizer. */
const ownManager: Manager = {name: 'nexus', operation: 'Update'};

/** `object` is complete and named. Throws StatusError. */
export async function createObject(
  {storage, resource, owners, rules}: WriteContext,
  object: Mapping,
  {manager, dryRun, entries}: Write,
): Promise<Mapping> {
  const {kind} = resource;
  const {apiVersion, kind: named} = object;
  const nothing = {apiVersion, kind: named};
  const sent =
    entries ?? owners.afterChange(ownersOf(object), {kind, before: nothing, after: object, manager});
  const next = admitted(withoutStatus(object, resource), storage.caller);
  const managed = owners.afterChange(sent, {kind, before: object, after: next, manager: ownManager});
  const managedFields = managedFieldsOf(managed, {current: nothing, next});
  const candidate = validateObject(next, {resource, old: undefined, rules, managedFields});
  const subject = subjectOf(resource, nameOf(object));
  const stored = await asStatus(subject, () =>
    storage.create(kind, candidate, {dryRun, owners: 'given'}),
  ).catch(async (error: unknown) => {
    const isTaken = error instanceof StatusError && error.status.reason === 'AlreadyExists';
    throw isTaken ? alreadyExists(subject, await isLeaving(storage, resource, subject.name)) : error;
  });
  const shown = toKube(stored);
  return dryRun ? withMetadata(shown, {resourceVersion: undefined}) : shown;
}

/** Whether what has the name already is being deleted; false also for what the caller may not see. */
async function isLeaving(storage: CallerStorage, {kind}: KubeResource, name: string): Promise<boolean> {
  const {items} = await storage.list(kind, {fields: {'metadata.name': name}});
  return items.some(({metadata}) => metadata.deletionTimestamp !== undefined);
}

/**
 * `object`, which is complete, in the place of `existing`, or its status alone. Rejects with a StorageError `Conflict` when another was faster, with
 * StatusError for all else.
 */
export async function replaceObject(
  {storage, resource, owners, rules}: WriteContext,
  {existing, object}: {existing: Stored<ServedKind>; object: Mapping},
  {manager, dryRun, entries}: Write,
): Promise<Mapping> {
  const {kind} = resource;
  const current = toKube(existing);
  checkIdentity(object, {current, resource});
  checkFinalizers(object, {current, resource});
  const ofStatus = manager.subresource === 'status';
  const next = ofStatus
    ? {...current, status: object.status}
    : declared(object, {current, resource, caller: storage.caller});
  const managed =
    entries ??
    owners.afterChange(givenOwners(object, current), {kind, before: current, after: next, manager});
  const managedFields = managedFieldsOf(managed, {current, next});
  const candidate = validateObject(next, {resource, old: current, rules, managedFields});
  const {resourceVersion} = existing.metadata;
  const pinned = {...candidate, metadata: {...candidate.metadata, resourceVersion}};
  const stored = await asStatus(subjectOf(resource, nameOf(current)), () =>
    ofStatus
      ? storage.updateStatus(kind, pinned, {dryRun, managedFields})
      : storage.update(
          kind,
          // None given is none wanted: that is how a finalizer is taken away by hand.
          {...pinned, metadata: {...pinned.metadata, finalizers: candidate.metadata.finalizers ?? []}},
          {dryRun, owners: 'given'},
        ),
  );
  return toKube(stored);
}

/** What `work` rejects with in Kubernetes' words; a Conflict is left to who knows whether to try again. */
export async function asStatus<T>(subject: Subject, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toStatus(subject, error);
  }
}

export function subjectOf({kind, plural}: KubeResource, name: string): Subject {
  return {kind, plural, name};
}

export function isStale(error: unknown): boolean {
  return isStorageError(error, 'Conflict') && error.message.includes('has changed since it was read');
}

export function stale(subject: Subject): Error {
  return conflict(subject, staleText);
}

function toStatus(subject: Subject, error: unknown): unknown {
  if (!isStorageError(error) || isStale(error)) {
    return error;
  }

  switch (error.code) {
    case 'NotFound':
      return notFound(subject);
    case 'AlreadyExists':
      return alreadyExists(subject);
    case 'Conflict':
      return conflict(subject, error.message);
    case 'Forbidden':
      return forbidden(subject, error.message);
    case 'Invalid':
      return invalid(
        subject,
        error.issues.map(({path, message}) => ({
          type: 'FieldValueInvalid',
          field: path,
          value: '',
          detail: message,
        })),
      );
    case 'Expired':
      return error;
  }
}

function checkIdentity(
  object: Mapping,
  {current, resource}: {current: Mapping; resource: KubeResource},
): void {
  const [given, actual] = [metadataOf(object), metadataOf(current)];
  const subject = subjectOf(resource, nameOf(current));
  if (given.namespace !== undefined && given.namespace !== onlyNamespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }

  if (given.uid !== undefined && given.uid !== actual.uid) {
    throw immutableUid(subject, given.uid);
  }

  if (given.resourceVersion !== undefined && given.resourceVersion !== actual.resourceVersion) {
    throw stale(subject);
  }
}

/** Nothing that it waits for may be added to an object that is about to go. */
function checkFinalizers(
  object: Mapping,
  {current, resource}: {current: Mapping; resource: KubeResource},
): void {
  const [before, after] = [metadataOf(current), metadataOf(object)].map(({finalizers}) =>
    Array.isArray(finalizers) ? finalizers : [],
  );
  const added = (after ?? []).filter(name => !(before ?? []).includes(name));
  if (metadataOf(current).deletionTimestamp !== undefined && added.length > 0) {
    const names = added.map(name => JSON.stringify(name)).join(', ');
    const detail = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${names}}`;
    const fault = {type: 'FieldValueForbidden' as const, field: 'metadata.finalizers', detail};
    throw invalid(subjectOf(resource, nameOf(current)), [fault, fault]);
  }
}

/** Kubernetes says it twice. */
function immutableUid(subject: Subject, value: unknown): Error {
  const fault = {
    type: 'FieldValueInvalid' as const,
    field: 'metadata.uid',
    value,
    detail: 'field is immutable',
  };
  return invalid(subject, [fault, fault]);
}

/** All but status, which has its subresource, and what only the store or an admin writes. */
function declared(
  object: Mapping,
  {current, resource, caller}: {current: Mapping; resource: KubeResource; caller: Caller},
): Mapping {
  const {labels, annotations, finalizers} = metadataOf(object);
  const {ownerReferences} = metadataOf(caller.role === 'admin' ? object : current);
  const {
    labels: _labels,
    annotations: _annotations,
    finalizers: _finalizers,
    ownerReferences: _references,
    managedFields: _managed,
    ...ofStore
  } = metadataOf(current);
  const given = {labels, annotations, finalizers, ownerReferences};
  const metadata = {
    ...ofStore,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
  return resource.hasStatus
    ? {
        ...withoutStatus(object, resource),
        metadata,
        ...(current.status === undefined ? {} : {status: current.status}),
      }
    : {...object, metadata};
}

function withoutStatus(object: Mapping, {hasStatus}: KubeResource): Mapping {
  const {status, ...rest} = object;
  return hasStatus || status === undefined ? rest : object;
}

/** Clients that don't know of managedFields leave them out; one empty entry asks to forget them all. */
function givenOwners(object: Mapping, current: Mapping): readonly ManagedEntry[] {
  const {managedFields} = metadataOf(object);
  const given = ownersOf(object);
  const forgets =
    Array.isArray(managedFields) &&
    managedFields.length === 1 &&
    Object.keys(managedFields[0] ?? {}).length === 0;
  return forgets || given.length > 0 ? given : ownersOf(current);
}
