import type {FieldSet} from './field-set.ts';
import {difference, setOf} from './field-set.ts';

const ofTheStore = setOf(
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...['name', 'namespace', 'creationTimestamp', 'uid', 'generation', 'managedFields', 'resourceVersion'].map(
    name => ['f:metadata', `f:${name}`],
  ),
);

/** Without what belongs to nobody, since the store writes it or it makes the object what it is. */
export function withoutUnmanaged(set: FieldSet): FieldSet {
  return difference(set, ofTheStore);
}
