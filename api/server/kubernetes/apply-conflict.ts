import type {Conflict} from '../../managed-fields/change-owners.ts';
import type {FieldPath} from '../../managed-fields/field-set.ts';
import {pathsOf} from '../../managed-fields/field-set.ts';
import type {ManagedEntry} from '../../managed-fields/managed-entries.ts';
import {StatusError} from './status-error.ts';

/** What kubectl explains with its advice about --force-conflicts. */
export function applyConflict(conflicts: readonly Conflict[]): StatusError {
  const all = conflicts
    .map(({entry, fields}) => ({manager: describeManager(entry), paths: pathsOf(fields).map(formatPath)}))
    .toSorted((left, right) => (left.manager < right.manager ? -1 : 1));
  const count = all.reduce((sum, {paths}) => sum + paths.length, 0);
  const [first] = all;
  const text =
    count === 1
      ? `1 conflict: conflict with ${first?.manager}: ${first?.paths[0]}`
      : `${count} conflicts: ${all
          .flatMap(({manager, paths}) => [`conflicts with ${manager}:`, ...paths.map(path => `- ${path}`)])
          .join('\n')}`;
  return new StatusError(409, 'Conflict', {
    message: `Apply failed with ${text}`,
    details: {
      causes: all.flatMap(({manager, paths}) =>
        paths.map(field => ({
          reason: 'FieldManagerConflict',
          message: `conflict with ${manager}`,
          field,
        })),
      ),
    },
  });
}

function describeManager({name, operation, subresource, apiVersion}: ManagedEntry): string {
  const by = JSON.stringify(name);
  const part = subresource === undefined ? by : `${by} with subresource ${JSON.stringify(subresource)}`;
  return operation === 'Update' ? `${part} using ${apiVersion}` : part;
}

/** `.spec.services[name="web"].port`. */
function formatPath(path: FieldPath): string {
  return path.map(formatStep).join('');
}

function formatStep(step: string): string {
  const text = step.slice(2);
  switch (step.slice(0, 2)) {
    case 'f:':
      return `.${text}`;
    case 'k:':
      return `[${Object.entries(JSON.parse(text))
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(',')}]`;
    case 'v:':
      return `[=${text}]`;
    default:
      return `[${text}]`;
  }
}
