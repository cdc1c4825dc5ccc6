import type {InvalidIssue} from '../storage/storage-error.ts';
import {StorageError} from '../storage/storage-error.ts';
import type {Stored} from './kinds.ts';
import {sshFingerprint} from './ssh-fingerprint.ts';
import {storeAnnotations} from './store-annotations.ts';
import type {User} from './user.ts';
import type {Resource} from './validate.ts';
import {invalid} from './validate.ts';
import type {Workspace} from './workspace.ts';
import {instanceFinalizer} from './workspace.ts';

/** Who asks. */
export type Caller = {readonly name: string; readonly role: 'admin' | 'user'};

/** A manifest of a workspace that names no owner belongs to the caller. Other input comes back as it is. */
export function defaultOwner(input: unknown, caller: Caller): unknown {
  if (typeof input !== 'object' || input === null || !('kind' in input) || input.kind !== 'Workspace') {
    return input;
  }

  const spec = 'spec' in input && input.spec !== undefined ? input.spec : {};
  return typeof spec === 'object' && spec !== null && !Array.isArray(spec) && !('owner' in spec)
    ? {...input, spec: {...spec, owner: caller.name}}
    : input;
}

/**
 * `object` as it may be created by `caller`: without what only the store and the controller write, and with what every new object of
 * its kind must have. Throws StorageError `Forbidden` or `Invalid`.
 */
export function admitCreate<R extends Resource>(object: R, caller: Caller): R {
  checkKind(object, caller, 'create');
  checkKeys(object);
  checkAnnotations(object, {});
  const {
    uid,
    resourceVersion,
    generation,
    creationTimestamp,
    deletionTimestamp,
    finalizers,
    ownerReferences,
    ...given
  } = object.metadata;
  checkFinalizers(object, caller);
  const admitted = {
    ...object,
    metadata: {
      ...given,
      ...(ownerReferences === undefined || caller.role !== 'admin' ? {} : {ownerReferences}),
      ...finalizersOf(object.kind === 'Workspace' ? [instanceFinalizer, ...(finalizers ?? [])] : finalizers),
    },
  };
  delete admitted.status;
  return admitted;
}

/**
 * `object` as it may replace `existing`: metadata that the store writes is `existing`'s, finalizers stay when none are given, status stays; finalizers and
 * ownerReferences also when `caller` is no admin.
 * Throws StorageError `Forbidden` for what `caller` may not change, `Invalid` for what nobody may.
 */
export function admitUpdate<R extends Resource>(object: R, existing: Stored, caller: Caller): R {
  checkKind(object, caller, 'update');
  checkKeys(object);
  checkAnnotations(object, existing.metadata.annotations ?? {});
  checkUid(object, existing);
  if (object.kind === 'Workspace' && existing.kind === 'Workspace') {
    checkWorkspaceChange(object, existing, caller);
  }

  if (object.kind === 'User' && existing.kind === 'User' && caller.role !== 'admin') {
    checkOwnAccount(object, existing);
  }

  // Taking a finalizer away lets go of an instance that still exists: an admin may, as a way out.
  const keeps = object.metadata.finalizers === undefined || caller.role !== 'admin';
  const {ownerReferences: given, ...others} = object.metadata;
  // On Kubernetes what they name decides when the object is deleted.
  const ownerReferences = caller.role === 'admin' ? given : existing.metadata.ownerReferences;
  const metadata = {
    ...others,
    ...(ownerReferences === undefined ? {} : {ownerReferences}),
    ...finalizersOf(keeps ? existing.metadata.finalizers : object.metadata.finalizers),
  };
  return {...object, metadata};
}

/** Only programs of the system write status. */
export function admitStatusUpdate(object: Resource, existing: Stored, caller: Caller): void {
  if (caller.role !== 'admin') {
    throw new StorageError('Forbidden', `The status of ${describe(object)} is written by the controller`);
  }

  checkUid(object, existing);
}

/** Throws `Forbidden` when `caller` may not do this to resources of this kind at all. */
export function checkKind(object: Resource, caller: Caller, verb: 'create' | 'update' | 'delete'): void {
  if (caller.role === 'admin') {
    return;
  }

  if (object.kind === 'Workspace') {
    if (object.spec.owner !== caller.name && verb === 'create') {
      throw new StorageError(
        'Forbidden',
        `Only an admin creates workspaces for others: spec.owner must be ${caller.name}, not ${object.spec.owner}`,
      );
    }

    return;
  }

  if (object.kind !== 'User' || verb !== 'update') {
    throw new StorageError('Forbidden', `Only an admin may ${verb} a ${object.kind}`);
  }
}

function checkWorkspaceChange(object: Workspace, existing: Workspace, caller: Caller): void {
  if (object.spec.owner !== existing.spec.owner && caller.role !== 'admin') {
    throw new StorageError('Forbidden', 'Only an admin gives a workspace to somebody else (spec.owner)');
  }

  const issues: InvalidIssue[] = [];
  const before = existing.spec.repo;
  for (const field of ['owner', 'name', 'url'] as const) {
    const was = before?.[field];
    if (was !== undefined && object.spec.repo?.[field] !== was) {
      issues.push({
        path: `spec.repo.${field}`,
        message: `can't be changed from ${was}: what was cloned stays; create another workspace for another repository`,
      });
    }
  }

  const placed = existing.status?.node;
  if (placed !== undefined && object.spec.node !== existing.spec.node && object.spec.node !== undefined) {
    if (object.spec.node !== placed) {
      issues.push({
        path: 'spec.node',
        message: `can't be changed: the workspace is on ${placed}, and moves only when an admin drains that node (nexus node drain ${placed}); or delete it and create it again there`,
      });
    }
  }

  if (issues.length > 0) {
    throw invalid(`${describe(object)} can't be changed so`, issues);
  }
}

function checkOwnAccount(object: User, existing: User): void {
  const {role, githubId, githubUsername} = existing.spec;
  if (
    object.spec.role !== role ||
    object.spec.githubId !== githubId ||
    object.spec.githubUsername !== githubUsername
  ) {
    throw new StorageError('Forbidden', 'Only an admin changes role, githubUsername and githubId of a User');
  }
}

function checkKeys(object: Resource): void {
  if (object.kind !== 'User') {
    return;
  }

  const issues = object.spec.sshKeys.flatMap(({publicKey, fingerprint}, index): InvalidIssue[] => {
    const actual = sshFingerprint(publicKey);
    if (actual === undefined) {
      return [
        {
          path: `spec.sshKeys[${index}].publicKey`,
          message: 'is damaged: what it encodes is no key of that type',
        },
      ];
    }

    return actual === fingerprint
      ? []
      : [{path: `spec.sshKeys[${index}].fingerprint`, message: `is not the key's, which is ${actual}`}];
  });
  if (issues.length > 0) {
    throw invalid(`${describe(object)} is not valid`, issues);
  }
}

/** Nobody but the store says what an object was before. What an object has already, from before this was refused, does not keep it from being changed. */
function checkAnnotations(object: Resource, before: Readonly<Record<string, string>>): void {
  const given = object.metadata.annotations ?? {};
  const issues = storeAnnotations
    .filter(name => Object.hasOwn(given, name) && given[name] !== before[name])
    .map(name => ({
      path: `metadata.annotations[${name}]`,
      message: 'is written by the store alone; leave it out',
    }));
  if (issues.length > 0) {
    throw invalid(`${describe(object)} is not valid`, issues);
  }
}

/** Who may not take a finalizer away would hold an object for ever by one that no program knows. */
function checkFinalizers(object: Resource, caller: Caller): void {
  const foreign = object.metadata.finalizers?.filter(name => name !== instanceFinalizer) ?? [];
  if (foreign.length > 0 && caller.role !== 'admin') {
    throw new StorageError(
      'Forbidden',
      `Only an admin sets finalizers (metadata.finalizers): ${foreign.join(', ')}`,
    );
  }
}

function checkUid(object: Resource, existing: Stored): void {
  const {uid} = object.metadata;
  if (uid !== undefined && uid !== existing.metadata.uid) {
    throw new StorageError(
      'Conflict',
      `${describe(object)} is another one by now: its uid is ${existing.metadata.uid}, not ${uid}`,
    );
  }
}

function describe(object: Resource): string {
  return `${object.kind} "${object.metadata.name}"`;
}

function finalizersOf(finalizers: readonly string[] | undefined): {finalizers?: string[]} {
  return finalizers === undefined || finalizers.length === 0 ? {} : {finalizers: [...new Set(finalizers)]};
}
