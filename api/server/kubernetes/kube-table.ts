import type {Mapping} from '../../managed-fields/value-schema.ts';
import {columnsOf} from '../../v1alpha1/crd-columns.ts';
import type {ServedKind} from '../../v1alpha1/validate.ts';
import {cellOf} from '../table.ts';
import {nameOf, partialMetadata} from './kube-object.ts';

export type TableOptions = {
  readonly kind: ServedKind;
  readonly groupVersion: string;
  readonly include: 'None' | 'Metadata' | 'Object';
  readonly metadata: Mapping;
  readonly now: number;
  /** In a watch only the first table has them. */
  readonly withColumns?: boolean;
};

const nameText = 'Unique in its namespace among all of its kind.';

/** Kubernetes' Table: the columns of the custom resource definition. */
export function kubeTable(items: readonly Mapping[], options: TableOptions): Mapping {
  const {kind, groupVersion, include, metadata, now, withColumns = true} = options;
  const columns = columnsOf(kind);
  return {
    kind: 'Table',
    apiVersion: groupVersion,
    metadata,
    columnDefinitions: withColumns
      ? [
          {name: 'Name', type: 'string', format: 'name', description: nameText, priority: 0},
          ...columns.map(({name, type, jsonPath, priority = 0}) => ({
            name,
            type,
            format: '',
            description: `Custom resource definition column (in JSONPath format): ${jsonPath}`,
            priority,
          })),
        ]
      : null,
    rows: items.map(object => ({
      cells: [nameOf(object), ...columns.map(column => cellOf(object, column, now))],
      object:
        include === 'None' ? null : include === 'Object' ? object : partialMetadata(object, groupVersion),
    })),
  };
}
