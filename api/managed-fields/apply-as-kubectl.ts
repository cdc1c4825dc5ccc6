import type {Application, Applied} from './apply-configuration.ts';
import {applyConfiguration} from './apply-configuration.ts';
import type {Conflict} from './change-owners.ts';
import {compareValues} from './compare-values.ts';
import type {FieldSet} from './field-set.ts';
import {difference, isEmpty, noFields, union} from './field-set.ts';
import {fieldsOf} from './fields-of.ts';
import type {ManagedEntry} from './managed-entries.ts';
import type {Mapping, ValueSchema} from './value-schema.ts';
import {isMapping} from './value-schema.ts';

/** Where `kubectl apply` without --server-side keeps what it applied last. */
export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Apply by kubectl itself, as Kubernetes treats it apart: fields that `kubectl apply` without --server-side has set are taken over without a conflict, and
 * its annotation follows what is applied, so that people can go back and forth.
 */
export function applyAsKubectl(entries: readonly ManagedEntry[], application: Application): Applied {
  const first = applyConfiguration(entries, application);
  const applied = first.outcome === 'Conflicts' ? takeOver(first.conflicts, entries, application) : first;
  return applied.outcome === 'Applied'
    ? {...applied, object: followed(applied.object, application.config)}
    : applied;
}

function takeOver(
  conflicts: readonly Conflict[],
  entries: readonly ManagedEntry[],
  application: Application,
): Applied {
  const own = lastApplied(application.live, application.schema);
  const left = conflicts
    .map(conflict => ({...conflict, fields: difference(conflict.fields, own)}))
    .filter(({fields}) => !isEmpty(fields));
  return left.length > 0
    ? {outcome: 'Conflicts', conflicts: left}
    : applyConfiguration(entries, {...application, force: true});
}

/** What kubectl has applied and is still as it applied it. */
function lastApplied(live: unknown, schema: ValueSchema): FieldSet {
  const text = annotationsOf(live)[lastAppliedAnnotation];
  const before = typeof text === 'string' ? parse(text) : undefined;
  if (before === undefined) {
    return noFields;
  }

  const {added, modified, removed} = compareValues(before, live, schema);
  return difference(fieldsOf(before, schema), union(union(added, modified), removed));
}

function followed(object: unknown, config: unknown): unknown {
  const annotations = annotationsOf(object);
  if (!isMapping(object) || !isMapping(config) || annotations[lastAppliedAnnotation] === undefined) {
    return object;
  }

  const {[lastAppliedAnnotation]: _, ...others} = annotationsOf(config);
  const {annotations: _given, ...metadata} = partOf(config, 'metadata');
  const kept = Object.keys(others).length === 0 ? metadata : {...metadata, annotations: others};
  const text = `${JSON.stringify({...config, metadata: kept})}\n`;
  return {
    ...object,
    metadata: {
      ...partOf(object, 'metadata'),
      annotations: {...annotations, [lastAppliedAnnotation]: text},
    },
  };
}

function annotationsOf(object: unknown): Mapping {
  return partOf(partOf(object, 'metadata'), 'annotations');
}

function partOf(value: unknown, name: string): Mapping {
  const part = isMapping(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return isMapping(part) ? part : {};
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
