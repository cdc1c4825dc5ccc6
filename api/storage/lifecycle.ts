import {isDeepStrictEqual} from 'node:util';
import type {ObjectMeta, StoredMeta} from '../v1alpha1/metadata.ts';
import type {Candidate} from './check-object.ts';
import {checkObject} from './check-object.ts';
import type {Document} from './document.ts';
import type {Preconditions} from './storage.ts';
import {StorageError} from './storage-error.ts';

/** What a write comes to. `next` still carries the resourceVersion of before; the store gives it the new one. */
export type Change =
  | {readonly type: 'None'}
  | {readonly type: 'Put'; readonly next: Document}
  | {readonly type: 'Remove'; readonly next: Document};

type Expected = {readonly [P in keyof Preconditions]: string | undefined};

/** What users say of an object; the rest is the store's. */
type UserMetadata = Omit<
  ObjectMeta,
  'resourceVersion' | 'generation' | 'creationTimestamp' | 'deletionTimestamp'
>;

const unchanged: Change = {type: 'None'};

/** `nexus-<uid>` names the instance and must stay a host name. */
const uidPattern = /^[a-z0-9](?:[-a-z0-9]{0,55}[a-z0-9])?$/;

/** The rules of `create`, apart from the name being free. */
export function created(candidate: Candidate, stamp: {uid: string; now: string}): Document {
  const {uid = stamp.uid, ...given} = userMetadata(candidate.metadata);
  if (!uidPattern.test(uid)) {
    throw new StorageError('Invalid', `${candidate.kind} ${candidate.metadata.name} is not valid: its uid`, {
      issues: [
        {path: 'metadata.uid', message: "must consist of at most 57 lower case letters, digits and '-'"},
      ],
    });
  }

  const {metadata, spec, status, ...rest} = checkObject({...candidate, metadata: {...given, uid}}, [
    'apiVersion',
    'kind',
    'metadata',
    'spec',
    'status',
  ]);
  return {
    ...rest,
    metadata: {
      ...metadata,
      uid,
      resourceVersion: '0',
      generation: 1,
      creationTimestamp: stamp.now,
    },
    spec,
    ...(status === undefined ? {} : {status}),
  };
}

/** The rules of `update`. */
export function updated(current: Document, candidate: Candidate): Change {
  checkPreconditions(current, candidate.metadata);
  const {uid: _, ...given} = userMetadata(candidate.metadata);
  const metadata: StoredMeta = {...storeMetadata(current.metadata), ...given};
  const sameSpec = isDeepStrictEqual(candidate.spec, current.spec);
  if (sameSpec && isDeepStrictEqual(metadata, current.metadata)) {
    return unchanged;
  }

  const {status: _ignored, ...declared} = candidate;
  const checked = checkObject(
    {...declared, metadata},
    sameSpec ? ['apiVersion', 'kind', 'metadata'] : ['apiVersion', 'kind', 'metadata', 'spec'],
  );
  checkFinalizers(current, metadata);
  const spec = sameSpec || isDeepStrictEqual(checked.spec, current.spec) ? current.spec : checked.spec;
  const generation = current.metadata.generation + (spec === current.spec ? 0 : 1);
  const next: Document = {...current, metadata: {...metadata, generation}, spec};
  if (isDeepStrictEqual(next, current)) {
    return unchanged;
  }

  const released = metadata.deletionTimestamp !== undefined && metadata.finalizers === undefined;
  return {type: released ? 'Remove' : 'Put', next};
}

/** The rules of `updateStatus`. */
export function statusUpdated(
  current: Document,
  candidate: Candidate,
  managedFields: readonly unknown[] | undefined,
): Change {
  checkPreconditions(current, candidate.metadata);
  const metadata =
    managedFields === undefined ? current.metadata : {...current.metadata, managedFields: [...managedFields]};
  if (isDeepStrictEqual(candidate.status, current.status) && isDeepStrictEqual(metadata, current.metadata)) {
    return unchanged;
  }

  const {apiVersion, kind, spec} = current;
  const {status} = checkObject(
    {apiVersion, kind, metadata, spec, ...(candidate.status === undefined ? {} : {status: candidate.status})},
    ['status'],
  );
  const next: Document = {apiVersion, kind, metadata, spec, ...(status === undefined ? {} : {status})};
  return isDeepStrictEqual(next, current) ? unchanged : {type: 'Put', next};
}

/** The rules of `delete`. */
export function deleted(current: Document, now: string, preconditions: Preconditions = {}): Change {
  checkPreconditions(current, preconditions);
  if (current.metadata.finalizers === undefined) {
    return {type: 'Remove', next: current};
  }

  if (current.metadata.deletionTimestamp !== undefined) {
    return unchanged;
  }

  return {type: 'Put', next: {...current, metadata: {...current.metadata, deletionTimestamp: now}}};
}

/** Throws Conflict when `current` is not what the caller saw. */
function checkPreconditions({kind, metadata}: Document, expected: Expected): void {
  if (expected.uid !== undefined && expected.uid !== metadata.uid) {
    throw new StorageError(
      'Conflict',
      `${kind} ${metadata.name} has uid ${metadata.uid}, not ${expected.uid}: it was deleted and made anew; read it again`,
    );
  }

  if (expected.resourceVersion !== undefined && expected.resourceVersion !== metadata.resourceVersion) {
    throw new StorageError(
      'Conflict',
      `${kind} ${metadata.name} has changed since it was read (it is at ${metadata.resourceVersion}, not ${expected.resourceVersion}): read it again`,
    );
  }
}

function checkFinalizers({kind, metadata}: Document, next: ObjectMeta): void {
  const added = next.finalizers?.filter(finalizer => !metadata.finalizers?.includes(finalizer)) ?? [];
  if (metadata.deletionTimestamp !== undefined && added.length > 0) {
    throw new StorageError(
      'Invalid',
      `${kind} ${metadata.name} is being deleted: finalizers can't be added (${added.join(', ')})`,
      {issues: [{path: 'metadata.finalizers', message: "can't be added to an object that is being deleted"}]},
    );
  }
}

/** The users' part; empty lists and maps are left out, so that they equal none. */
function userMetadata(metadata: ObjectMeta): UserMetadata {
  const {
    resourceVersion,
    generation,
    creationTimestamp,
    deletionTimestamp,
    finalizers,
    labels,
    annotations,
    ...given
  } = metadata;
  return {
    ...given,
    ...(finalizers === undefined || isEmpty(finalizers) ? {} : {finalizers}),
    ...(labels === undefined || isEmpty(labels) ? {} : {labels}),
    ...(annotations === undefined || isEmpty(annotations) ? {} : {annotations}),
  };
}

/** What the store says of it. */
function storeMetadata(metadata: StoredMeta): StoredMeta {
  const {name, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp} = metadata;
  return {
    name,
    uid,
    resourceVersion,
    generation,
    creationTimestamp,
    ...(deletionTimestamp === undefined ? {} : {deletionTimestamp}),
  };
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
