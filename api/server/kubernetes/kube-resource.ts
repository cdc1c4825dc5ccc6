import {withObjectMeta} from '../../resource-schema/object-meta-schema.ts';
import type {StructuralSchema} from '../../resource-schema/structural-schema.ts';
import {structuralSchemaOf} from '../../resource-schema/structural-schema.ts';
import {kinds} from '../../v1alpha1/kinds.ts';
import {customResourceDefinition} from '../../v1alpha1/openapi-crd.ts';
import type {ServedKind} from '../../v1alpha1/validate.ts';
import {servedKinds} from '../../v1alpha1/validate.ts';

/** The group of all resources here. */
export const group = 'nexus.dev';

export const version = 'v1alpha1';

/** The one namespace of a store that knows none. */
export const onlyNamespace = 'default';

/** A kind as the Kubernetes API serves it: named and described as in its custom resource definition. */
export type KubeResource = {
  readonly kind: ServedKind;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly hasStatus: boolean;
  /** That of the definition. */
  readonly schema: StructuralSchema;
  /** With all that `metadata` may hold: what is pruned by, and what fields are owned by. */
  readonly fullSchema: StructuralSchema;
};

export type KubeResources = {
  of(kind: ServedKind): KubeResource;
  all(): readonly KubeResource[];
};

/** Made when they are first asked for: schemas cost some milliseconds. */
export function createKubeResources(): KubeResources {
  const made = new Map<ServedKind, KubeResource>();
  const of = (kind: ServedKind): KubeResource => {
    const known = made.get(kind) ?? describe(kind);
    made.set(kind, known);
    return known;
  };

  return {of, all: () => servedKinds.map(of)};
}

function describe(kind: ServedKind): KubeResource {
  const {names, versions} = customResourceDefinition(kind).spec;
  const schema = structuralSchemaOf(kind);
  return {
    kind,
    plural: kinds[kind].plural,
    singular: kinds[kind].singular,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    hasStatus: versions[0]?.subresources !== undefined,
    schema,
    fullSchema: withObjectMeta(schema),
  };
}
