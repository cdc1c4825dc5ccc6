import {isStorageError} from '../storage/storage-error.ts';
import type {ConfigFile} from './config-file.ts';
import {isShortForm, readConfigDocument, splitPath} from './config-file.ts';
import type {ManifestDocument, TextIssue} from './manifest-document.ts';
import {issueLimit, parseDocuments} from './manifest-document.ts';
import type {Resource} from './validate.ts';
import {parseResource} from './validate.ts';

export type ManifestEntry =
  | {readonly type: 'Resource'; readonly resource: Resource; readonly given: Given}
  | {readonly type: 'ShortForm'; readonly config: ConfigFile};

/** What a manifest leaves to its surroundings, though the schema has a default for it. */
export type Given = {readonly owner: boolean; readonly running: boolean};

export type ManifestResult =
  | {readonly ok: true; readonly entries: readonly ManifestEntry[]}
  | {readonly ok: false; readonly issues: readonly TextIssue[]};

/**
 * All resources and short forms in a YAML or JSON text of one or more documents. A Workspace that names no owner is given `owner`. Pure; all that is
 * wrong in any document is told at once, and then nothing is returned of the others.
 */
export function parseManifests(text: string, owner: string): ManifestResult {
  const parsed = parseDocuments(text);
  if (!parsed.ok) {
    return parsed;
  }

  const documents = parsed.documents.flatMap(flatten);
  if (documents.length === 0) {
    return {ok: false, issues: [{path: '', message: 'holds no resource'}]};
  }

  const results = documents.map(document => readDocument(document, owner));
  const issues = results.flatMap(result => ('issues' in result ? result.issues : []));
  return issues.length > 0
    ? {ok: false, issues}
    : {ok: true, entries: results.flatMap(result => ('entry' in result ? [result.entry] : []))};
}

type DocumentResult = {readonly entry: ManifestEntry} | {readonly issues: readonly TextIssue[]};

function readDocument(document: ManifestDocument, owner: string): DocumentResult {
  if (isShortForm(document)) {
    const result = readConfigDocument(document);
    return result.ok ? {entry: {type: 'ShortForm', config: result.config}} : result;
  }

  const {value, given} = withOwner(document.value, owner);
  try {
    return {entry: {type: 'Resource', resource: parseResource(value), given}};
  } catch (error) {
    if (!isStorageError(error, 'Invalid')) {
      throw error;
    }

    return {
      issues: error.issues
        .slice(0, issueLimit)
        .map(issue => ({...issue, ...document.locate(splitPath(issue.path))})),
    };
  }
}

function withOwner(value: unknown, owner: string): {value: unknown; given: Given} {
  const spec = member(value, 'spec');
  const given = {owner: member(spec, 'owner') !== undefined, running: member(spec, 'running') !== undefined};
  const isOwned = member(value, 'kind') === 'Workspace' && typeof value === 'object';
  return {
    value:
      isOwned && !given.owner && (spec === undefined || typeof spec === 'object')
        ? {...value, spec: {...spec, owner}}
        : value,
    given,
  };
}

/** The items of a `kind: List`, as `nexus get -o yaml` prints several; else the document itself. */
function flatten(document: ManifestDocument): ManifestDocument[] {
  const items = member(document.value, 'items');
  if (member(document.value, 'kind') !== 'List' || !Array.isArray(items)) {
    return [document];
  }

  return items.map((value: unknown, index) => ({
    value,
    locate: path => document.locate(['items', index, ...path]),
    source: path => document.source(['items', index, ...path]),
  }));
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? new Map<string, unknown>(Object.entries(value)).get(key)
    : undefined;
}
