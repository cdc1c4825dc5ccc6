import type {Kind} from '../../v1alpha1/kinds.ts';
import type {Document} from '../document.ts';
import {asStored} from '../document.ts';
import {isSelective, matchesSelector} from '../selector.ts';
import type {ListOptions, ListResult} from '../storage.ts';
import {StorageError} from '../storage-error.ts';
import {formatContinue, parseContinue} from './continue-token.ts';
import type {ResourceTable} from './resource-table.ts';
import type {RevisionLog} from './revision-log.ts';

/** Rows that are looked at for one page at a time. */
const chunk = 500;

type Tables = {readonly log: RevisionLog; readonly resources: ResourceTable};

/** Both the whole list and pages of it are of one revision; pages are put together from the log. */
export function listResources<K extends Kind>(
  {log, resources}: Tables,
  kind: K,
  options: ListOptions,
): ListResult<K> {
  if (options.limit === undefined && options.continue === undefined) {
    const items = resources
      .candidates(kind, options.fields ?? {})
      .filter(document => matchesSelector(document, options))
      .map(asStored<K>);
    return {items, resourceVersion: String(log.current())};
  }

  return page(log, kind, options);
}

function page<K extends Kind>(log: RevisionLog, kind: K, options: ListOptions): ListResult<K> {
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  if (options.limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0)) {
    throw new StorageError('Invalid', `The limit of a list must be a whole number above 0, not ${limit}`);
  }

  const start =
    options.continue === undefined
      ? {revision: log.current(), after: ''}
      : parseContinue(kind, options.continue);
  const {revision} = start;
  if (revision > log.current() || (revision < log.compacted() && revision < log.lastOf(kind))) {
    throw new StorageError('Expired', `The list of ${kind} at ${revision} is no longer kept: start it again`);
  }

  const found: Document[] = [];
  let {after} = start;
  for (;;) {
    const rows = log.snapshot(kind, revision, {after, limit: chunk});
    for (const row of rows) {
      const document = log.load(row.revision);
      if (matchesSelector(document, options)) {
        if (found.length === limit) {
          return {...result<K>(found, revision), ...rest(log, kind, {options, revision, after})};
        }

        found.push(document);
      }

      after = row.name;
    }

    if (rows.length < chunk) {
      return result<K>(found, revision);
    }
  }
}

function result<K extends Kind>(documents: readonly Document[], revision: number): ListResult<K> {
  return {items: documents.map(asStored<K>), resourceVersion: String(revision)};
}

/** How many remain is not known without looking at each, when there is a selector. */
function rest(
  log: RevisionLog,
  kind: Kind,
  {options, revision, after}: {options: ListOptions; revision: number; after: string},
): {continue: string; remainingItemCount?: number} {
  return {
    continue: formatContinue(kind, {revision, after}),
    ...(isSelective(options) ? {} : {remainingItemCount: log.countAt(kind, revision, after)}),
  };
}
