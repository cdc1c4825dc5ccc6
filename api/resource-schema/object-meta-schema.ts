import type {StructuralSchema} from './structural-schema.ts';

const text = {type: 'string'} as const;
const texts = {type: 'object', additionalProperties: text} as const;

/** `metadata` as Kubernetes has it for every object: what is known, and how its lists are merged. */
export const objectMetaSchema: StructuralSchema = {
  type: 'object',
  properties: {
    annotations: texts,
    creationTimestamp: text,
    deletionGracePeriodSeconds: {type: 'integer'},
    deletionTimestamp: text,
    finalizers: {type: 'array', items: text, 'x-kubernetes-list-type': 'set'},
    generateName: text,
    generation: {type: 'integer'},
    labels: texts,
    managedFields: {type: 'array', items: {'x-kubernetes-preserve-unknown-fields': true}},
    name: text,
    namespace: text,
    ownerReferences: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['uid'],
      items: {
        type: 'object',
        'x-kubernetes-map-type': 'atomic',
        properties: {
          apiVersion: text,
          blockOwnerDeletion: {type: 'boolean'},
          controller: {type: 'boolean'},
          kind: text,
          name: text,
          uid: text,
        },
      },
    },
    resourceVersion: text,
    selfLink: text,
    uid: text,
  },
};

/** `schema` of a kind, with all that `metadata` can hold. */
export function withObjectMeta(schema: StructuralSchema): StructuralSchema {
  return {...schema, properties: {...schema.properties, metadata: objectMetaSchema}};
}
