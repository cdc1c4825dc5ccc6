import type {StructuralSchema} from '../../resource-schema/structural-schema.ts';
import type {KubeResource} from './kube-resource.ts';
import {group, version} from './kube-resource.ts';

/** A schema as OpenAPI documents have it. */
export type OpenapiSchema = Readonly<Record<string, unknown>>;

export const objectMetaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
export const listMetaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';

const text = (description: string) => ({type: 'string', description});
const texts = (description: string) => ({
  type: 'object',
  description,
  additionalProperties: {type: 'string'},
});
const time = (description: string) => ({type: 'string', format: 'date-time', description});

const objectMeta: OpenapiSchema = {
  type: 'object',
  description: 'What every object carries, whatever its kind.',
  properties: {
    annotations: texts('For programs and people; not to select by.'),
    creationTimestamp: time('When it was created.'),
    deletionGracePeriodSeconds: {type: 'integer', format: 'int64', description: 'Always 0 here.'},
    deletionTimestamp: time('When its deletion was asked for.'),
    finalizers: {
      type: 'array',
      description: 'What must be done before it may go.',
      items: {type: 'string'},
      'x-kubernetes-list-type': 'set',
      'x-kubernetes-patch-strategy': 'merge',
    },
    generateName: text('The beginning of a name that the server completes.'),
    generation: {type: 'integer', format: 'int64', description: 'Grows with every change of spec.'},
    labels: texts('To select by.'),
    managedFields: {
      type: 'array',
      description: 'Who owns which fields.',
      items: {
        type: 'object',
        properties: {
          apiVersion: text('Of the fields.'),
          fieldsType: text('FieldsV1.'),
          fieldsV1: {type: 'object', description: 'The fields, as a tree.'},
          manager: text('Who owns them.'),
          operation: text('Apply or Update.'),
          subresource: text('By way of which they were written; empty for the object itself.'),
          time: time('When the manager changed something last.'),
        },
      },
      'x-kubernetes-list-type': 'atomic',
    },
    name: text('Unique in its namespace among all of its kind.'),
    namespace: text('Where it is; always default here.'),
    ownerReferences: {
      type: 'array',
      description: 'What it belongs to. Kept, and not acted upon here.',
      items: {
        type: 'object',
        required: ['apiVersion', 'kind', 'name', 'uid'],
        properties: {
          apiVersion: text('Of the owner.'),
          blockOwnerDeletion: {type: 'boolean', description: 'Whether the owner waits for it.'},
          controller: {type: 'boolean', description: 'Whether the owner manages it.'},
          kind: text('Of the owner.'),
          name: text('Of the owner.'),
          uid: text('Of the owner.'),
        },
        'x-kubernetes-map-type': 'atomic',
      },
      'x-kubernetes-list-map-keys': ['uid'],
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-patch-merge-key': 'uid',
      'x-kubernetes-patch-strategy': 'merge',
    },
    resourceVersion: text('Changes with every write.'),
    selfLink: text('Not given any more.'),
    uid: text('Unique over all time.'),
  },
};

const listMeta: OpenapiSchema = {
  type: 'object',
  description: 'What every list carries.',
  properties: {
    continue: text('To ask for the rest with.'),
    remainingItemCount: {type: 'integer', format: 'int64', description: 'How many are left.'},
    resourceVersion: text('To watch from without missing a change.'),
    selfLink: text('Not given any more.'),
  },
};

/** The schemas of all kinds, by their names in OpenAPI; `prefix` stands before names that are referred to. */
export function openapiDefinitions(
  resources: readonly KubeResource[],
  prefix: string,
): Record<string, OpenapiSchema> {
  return Object.fromEntries([
    ...resources.flatMap(resource => [
      [definitionName(resource.kind), kindDefinition(resource, prefix)],
      [definitionName(`${resource.kind}List`), listDefinition(resource, prefix)],
    ]),
    [objectMetaName, objectMeta],
    [listMetaName, listMeta],
  ]);
}

export function definitionName(kind: string): string {
  return `dev.nexus.${version}.${kind}`;
}

/** What clients know a kind in a document by. */
export function groupVersionKind(kind: string): {group: string; kind: string; version: string} {
  return {group, kind, version};
}

function kindDefinition({kind, schema}: KubeResource, prefix: string): OpenapiSchema {
  return {
    ...schema,
    properties: {...schema.properties, ...typeProperties, metadata: reference(objectMetaName, prefix)},
    'x-kubernetes-group-version-kind': [groupVersionKind(kind)],
  };
}

function listDefinition({kind}: KubeResource, prefix: string): OpenapiSchema {
  return {
    type: 'object',
    description: `${kind}List is a list of ${kind}`,
    required: ['items'],
    properties: {
      ...typeProperties,
      items: {
        type: 'array',
        description: 'What there is.',
        items: {$ref: `${prefix}${definitionName(kind)}`},
      },
      metadata: reference(listMetaName, prefix),
    },
    'x-kubernetes-group-version-kind': [groupVersionKind(`${kind}List`)],
  };
}

const typeProperties: Readonly<Record<string, StructuralSchema>> = {
  apiVersion: {type: 'string', description: 'The version of the schema: nexus.dev/v1alpha1.'},
  kind: {type: 'string', description: 'What kind of object it is.'},
};

function reference(name: string, prefix: string): OpenapiSchema {
  return prefix.startsWith('#/components')
    ? {description: 'What every object carries.', allOf: [{$ref: `${prefix}${name}`}]}
    : {description: 'What every object carries.', $ref: `${prefix}${name}`};
}
