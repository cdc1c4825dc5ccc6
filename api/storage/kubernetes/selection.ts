import type {Kind} from '../../v1alpha1/kinds.ts';
import {selectableFields} from '../../v1alpha1/selectable-fields.ts';
import type {Document} from '../document.ts';
import {matchesSelector} from '../selector.ts';
import type {LabelRequirement, Selector} from '../storage.ts';

/** Which part of a selector the API server sees to, and which is left to the store. */
export type Selection = {
  readonly query: {readonly labelSelector?: string; readonly fieldSelector?: string};
  /** Whether {@link matches} may refuse what the query lets through. */
  readonly isPartial: boolean;
  matches(document: Document): boolean;
};

export function selectionOf(kind: Kind, selector: Selector): Selection {
  const fields = Object.entries(selector.fields ?? {});
  const native = fields.filter(([path]) => path === 'metadata.name' || selectableFields[kind].includes(path));
  const labels = selector.labels ?? [];
  return {
    query: {
      ...(labels.length === 0 ? {} : {labelSelector: labels.map(formatRequirement).join(',')}),
      ...(native.length === 0
        ? {}
        : {fieldSelector: native.map(([path, value]) => `${path}=${escapeValue(value)}`).join(',')}),
    },
    isPartial: native.length < fields.length,
    matches: document => matchesSelector(document, selector),
  };
}

function formatRequirement(requirement: LabelRequirement): string {
  switch (requirement.operator) {
    case 'In':
      return `${requirement.key} in (${requirement.values.join(',')})`;
    case 'NotIn':
      return `${requirement.key} notin (${requirement.values.join(',')})`;
    case 'Exists':
      return requirement.key;
    case 'DoesNotExist':
      return `!${requirement.key}`;
  }
}

function escapeValue(value: string): string {
  return value.replaceAll(/[\\,=]/g, '\\$&');
}
