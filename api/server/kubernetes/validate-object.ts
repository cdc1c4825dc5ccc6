import type {Mapping} from '../../managed-fields/value-schema.ts';
import type {RuleHolds} from '../../resource-schema/check-rules.ts';
import {checkRules, hasRules} from '../../resource-schema/check-rules.ts';
import type {FaultType, FieldFault} from '../../resource-schema/field-fault.ts';
import {validateMetadata} from '../../resource-schema/validate-metadata.ts';
import {validateSchema} from '../../resource-schema/validate-schema.ts';
import {isStorageError} from '../../storage/storage-error.ts';
import type {Resource} from '../../v1alpha1/validate.ts';
import {parseResourceOf} from '../../v1alpha1/validate.ts';
import {fromKube, metadataOf, nameOf} from './kube-object.ts';
import type {KubeResource} from './kube-resource.ts';
import {invalid} from './status-error.ts';

/** Rules may not be asked of an object that these are wrong with. */
const blocking: readonly FaultType[] = [
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
];

const unchecked: FieldFault = {
  type: 'FieldValueInvalid',
  field: '<nil>',
  value: null,
  detail:
    'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
};

/**
 * `object` as a resource: what the definition of its kind refuses is refused in the words of Kubernetes, and then what only Nexus's own schema refuses.
 * Throws StatusError.
 */
export function validateObject(
  object: Mapping,
  {
    resource,
    old,
    rules,
    managedFields,
  }: {
    resource: KubeResource;
    /** What it replaces. */
    old: Mapping | undefined;
    rules: RuleHolds;
    managedFields: readonly object[];
  },
): Resource {
  const {kind, plural, schema} = resource;
  const subject = {kind, plural, name: nameOf(object)};
  const bySchema = validateSchema(object, schema);
  const faults = [...validateMetadata(metadataOf(object)), ...bySchema];
  const isBlocked = faults.some(({type}) => blocking.includes(type));
  const all = isBlocked
    ? [...faults, ...(hasRules(schema) ? [unchecked] : [])]
    : [...faults, ...checkRules({holds: rules, self: object, oldSelf: old}, schema)];
  if (all.length > 0) {
    throw invalid(subject, all);
  }

  try {
    return parseResourceOf(kind, fromKube(object, managedFields));
  } catch (error) {
    throw isStorageError(error, 'Invalid')
      ? invalid(
          subject,
          error.issues.map(({path, message}) => ({
            type: 'FieldValueInvalid',
            field: path,
            value: '',
            detail: message,
          })),
        )
      : error;
  }
}
