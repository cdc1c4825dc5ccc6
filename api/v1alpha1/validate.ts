import type {z} from 'zod';
import {StorageError} from '../storage/storage-error.ts';
import type {Kind, ResourceByKind} from './kinds.ts';
import {kinds} from './kinds.ts';
import {apiVersion} from './metadata.ts';
import {nearestName} from './nearest-name.ts';
import {explainIssue, issuesOf} from './validate-issues.ts';

/** Kinds that are served, and that people may write; the others hold secrets. */
export type ServedKind = Exclude<Kind, 'Token' | 'Credential'>;

export const servedKinds = ['Workspace', 'Node', 'User', 'Event'] as const satisfies readonly ServedKind[];

export type Resource = ResourceByKind[ServedKind];

/**
 * A resource of any served kind, its defaults filled in. Throws StorageError `Invalid`, with all that is wrong at once in
 * `issues`, each at its path.
 */
export function parseResource(input: unknown): Resource {
  return parseResourceOf(kindOf(input), input);
}

/** Like {@link parseResource}, when only one kind will do. */
export function parseResourceOf<K extends ServedKind>(kind: K, input: unknown): ResourceByKind[K] {
  const actual = kindOf(input);
  if (actual !== kind) {
    throw invalid(`This is a ${actual}, where a ${kind} is expected`, [
      {path: 'kind', message: `must be ${kind}, not ${actual}`},
    ]);
  }

  return parseWith(kinds[kind].schema, input, describe(kind, input));
}

/** `input` as `schema` has it. `what` names it in the message of the StorageError `Invalid` that is thrown otherwise. */
export function parseWith<T>(schema: z.ZodType<T>, input: unknown, what: string): T {
  const result = schema.safeParse(input, {error: explainIssue});
  if (result.success) {
    return result.data;
  }

  throw invalid(`${what} is not valid`, issuesOf(result.error, schema));
}

/** The kind that `input` says it is. Throws StorageError `Invalid` when that is none that is served, or the apiVersion is not ours. */
export function kindOf(input: unknown): ServedKind {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw invalid('This is no resource', [
      {path: '', message: 'must be a mapping with apiVersion, kind, metadata and spec'},
    ]);
  }

  const version = 'apiVersion' in input ? input.apiVersion : undefined;
  const kind = 'kind' in input ? input.kind : undefined;
  const issues = [
    ...(version === apiVersion
      ? []
      : [{path: 'apiVersion', message: `must be ${apiVersion}${given(version)}`}]),
    ...(isServedKind(kind) ? [] : [{path: 'kind', message: kindMessage(kind)}]),
  ];
  if (issues.length > 0 || !isServedKind(kind)) {
    throw invalid('This is no resource that is known here', issues);
  }

  return kind;
}

export function isServedKind(kind: unknown): kind is ServedKind {
  return servedKinds.some(served => served === kind);
}

/** An `Invalid` whose message also says the first things that are wrong, for those who see nothing else. */
export function invalid(
  message: string,
  issues: readonly {readonly path: string; readonly message: string}[],
): StorageError {
  const shown = issues
    .slice(0, 3)
    .map(issue => (issue.path === '' ? issue.message : `${issue.path} ${issue.message}`));
  const more = issues.length > shown.length ? ` (and ${issues.length - shown.length} more)` : '';
  return new StorageError('Invalid', `${message}: ${shown.join('; ')}${more}`, {issues});
}

function describe(kind: ServedKind, input: unknown): string {
  if (typeof input !== 'object' || input === null || !('metadata' in input)) {
    return kind;
  }

  const {metadata} = input;
  return typeof metadata === 'object' &&
    metadata !== null &&
    'name' in metadata &&
    typeof metadata.name === 'string'
    ? `${kind} "${metadata.name.slice(0, 63)}"`
    : kind;
}

function kindMessage(kind: unknown): string {
  const near = typeof kind === 'string' ? nearestName(kind, servedKinds) : undefined;
  return near === undefined
    ? `must be one of ${servedKinds.join(', ')}${given(kind)}`
    : `${String(kind)} is not known; did you mean ${near}?`;
}

function given(value: unknown): string {
  return value === undefined ? ', but is missing' : `, not ${JSON.stringify(value)?.slice(0, 60)}`;
}
