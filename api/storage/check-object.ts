import type {Kind} from '../v1alpha1/kinds.ts';
import {kinds} from '../v1alpha1/kinds.ts';
import type {ObjectMeta} from '../v1alpha1/metadata.ts';
import type {InvalidIssue} from './storage-error.ts';
import {StorageError} from './storage-error.ts';

/** What a client hands in, as plain JSON. */
export type Candidate = {
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: ObjectMeta;
  readonly spec?: unknown;
  readonly status?: unknown;
};

/** As in etcd, so that what is accepted here can move to Kubernetes. */
const maximumBytes = 1.5 * 1024 * 1024;

/** Throws Invalid unless this program has that kind. */
export function checkKind(kind: Kind): void {
  if (!Object.hasOwn(kinds, kind)) {
    throw new StorageError(
      'Invalid',
      `${JSON.stringify(kind)} is not a kind of resource; there are ${Object.keys(kinds).join(', ')}`,
    );
  }
}

/** A copy of `object` that is nothing but JSON: no undefined, no dates, nothing shared with the caller. Throws Invalid. */
export function toJson(kind: Kind, object: unknown): Candidate {
  checkKind(kind);
  const text = stringify(object);
  if (text === undefined || !text.startsWith('{')) {
    throw new StorageError('Invalid', `This ${kind} is not an object`);
  }

  if (Buffer.byteLength(text) > maximumBytes) {
    throw new StorageError('Invalid', `This ${kind} is larger than ${maximumBytes / 1024} KiB`);
  }

  const value: Candidate = JSON.parse(text);
  if (value.kind !== kind) {
    throw new StorageError('Invalid', `This is not a ${kind}: its kind says ${JSON.stringify(value.kind)}`, {
      issues: [{path: 'kind', message: `must be ${kind}`}],
    });
  }

  const {metadata} = value;
  if (typeof metadata !== 'object' || metadata === null || typeof metadata.name !== 'string') {
    throw new StorageError('Invalid', `This ${kind} has no name`, {
      issues: [{path: 'metadata.name', message: 'must be a name'}],
    });
  }

  return value;
}

/**
 * `candidate` as its kind's schema understands it, defaults filled in. Only `parts` are judged, those that are about to
 * change: an object that an older version accepted can still be finished with under a stricter schema.
 * Throws Invalid with an issue for each fault.
 */
export function checkObject(candidate: Candidate, parts: readonly (keyof Candidate)[]): Candidate {
  const {kind} = candidate;
  const parsed = kinds[kind].schema.safeParse(candidate);
  if (parsed.success) {
    return {...candidate, ...parsed.data};
  }

  const issues: InvalidIssue[] = parsed.error.issues
    .filter(issue => parts.some(part => issue.path.length === 0 || issue.path[0] === part))
    .map(issue => ({path: issue.path.map(String).join('.'), message: issue.message}));
  if (issues.length > 0) {
    throw new StorageError(
      'Invalid',
      `${kind} ${candidate.metadata.name} is not valid: ${issues.map(({path, message}) => `${path} ${message}`).join('; ')}`,
      {issues},
    );
  }

  return candidate;
}

function stringify(object: unknown): string | undefined {
  try {
    return JSON.stringify(object);
  } catch (cause) {
    throw new StorageError('Invalid', 'An object must be plain JSON, without cycles', {cause});
  }
}
