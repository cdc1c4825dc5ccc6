import {definitionOf} from '../../v1alpha1/openapi-crd.ts';
import {structuralSchema} from '../../v1alpha1/openapi-structural.ts';
import type {InternalKind} from './internal-kinds.ts';
import {internalKinds} from './internal-kinds.ts';

/** The CustomResourceDefinition of a kind that only the adapter knows. */
export function internalDefinition(kind: InternalKind) {
  const {plural, singular, description, spec} = internalKinds[kind];
  const schema = {properties: {spec: structuralSchema(spec)}, required: ['spec']};
  return definitionOf({kind, plural, singular, description, schema});
}
