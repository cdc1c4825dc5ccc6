import type {Rule} from '../v1alpha1/crd-rules.ts';
import {customResourceDefinition} from '../v1alpha1/openapi-crd.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';

/** A structural schema as custom resource definitions have it, as far as it is looked at here. */
export type StructuralSchema = {
  readonly type?: unknown;
  readonly description?: unknown;
  readonly default?: unknown;
  readonly enum?: unknown;
  readonly pattern?: unknown;
  readonly format?: unknown;
  readonly minLength?: unknown;
  readonly maxLength?: unknown;
  readonly minItems?: unknown;
  readonly maxItems?: unknown;
  readonly maxProperties?: unknown;
  readonly minimum?: unknown;
  readonly maximum?: unknown;
  readonly exclusiveMinimum?: unknown;
  readonly exclusiveMaximum?: unknown;
  readonly required?: unknown;
  readonly properties?: Readonly<Record<string, StructuralSchema>> | undefined;
  readonly items?: StructuralSchema | undefined;
  readonly additionalProperties?: boolean | StructuralSchema | undefined;
  readonly 'x-kubernetes-validations'?: readonly Rule[];
  readonly 'x-kubernetes-list-type'?: unknown;
  readonly 'x-kubernetes-list-map-keys'?: unknown;
  readonly 'x-kubernetes-map-type'?: unknown;
  readonly 'x-kubernetes-preserve-unknown-fields'?: unknown;
};

/** That of the definition of `kind` in `crds/`. */
export function structuralSchemaOf(kind: ServedKind): StructuralSchema {
  const [version] = customResourceDefinition(kind).spec.versions;
  return version?.schema.openAPIV3Schema ?? {};
}

/** Of a value at a field of that name. */
export function propertyOf(schema: StructuralSchema, name: string): StructuralSchema | undefined {
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, name)) {
    return schema.properties[name];
  }

  const rest = schema.additionalProperties;
  return typeof rest === 'object' ? rest : undefined;
}
