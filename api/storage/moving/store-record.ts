import {createHash} from 'node:crypto';
import {z} from 'zod';
import type {Kind} from '../../v1alpha1/kinds.ts';
import {kinds} from '../../v1alpha1/kinds.ts';
import {apiVersion, objectMeta, timestamp} from '../../v1alpha1/metadata.ts';
import {withoutStoreAnnotations} from '../../v1alpha1/store-annotations.ts';
import type {Document} from '../document.ts';
import {freeze} from '../document.ts';

/** A piece of a store that goes with it: an object as it is, or the last state of one that is gone. */
export type StoreRecord =
  | {readonly type: 'object'; readonly object: Document}
  | {readonly type: 'tombstone'; readonly object: Document; readonly deletedAt: string};

/** Kinds of which the last state is kept when they are gone: not of what happens by the hundred, nor of secrets. */
export const rememberedKinds: readonly Kind[] = ['Workspace', 'Node', 'User'];

/** Spec and status are not judged: an object that an older version accepted moves like any other. */
const document = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.enum(Object.keys(kinds) as [Kind, ...Kind[]]),
  metadata: objectMeta
    .omit({namespace: true, resourceVersion: true})
    .required({uid: true, generation: true, creationTimestamp: true}),
  spec: z.record(z.string(), z.unknown()),
  status: z.record(z.string(), z.unknown()).optional(),
});

const record = z.discriminatedUnion('type', [
  z.strictObject({type: z.literal('object'), object: document}),
  z.strictObject({type: z.literal('tombstone'), deletedAt: timestamp, object: document}),
]);

/** Of what {@link plain} made, as JSON. Throws a ZodError for everything else. */
export function parseRecord(value: unknown): StoreRecord {
  const {object, ...rest} = record.parse(value);
  const {metadata} = object;
  // As it is named in the schema: documents of the store have a version, which counts only there.
  return {
    ...rest,
    object: freeze({...object, metadata: {...metadata, resourceVersion: '0'}}) as Document,
  };
}

/** The record without what is the store's own: versions count differently in each. */
export function plain({object, ...rest}: StoreRecord): object {
  const {namespace: _, resourceVersion: __, ...metadata} = object.metadata;
  return {...rest, object: {...object, metadata}};
}

/** The same for two records of one object, whatever state it is in. */
export function recordKey({type, object}: StoreRecord): string {
  return `${type} ${object.kind} ${object.metadata.uid}`;
}

/**
 * Equal for two records that say the same, in whatever order their fields are, and whether a default is written out or not. Who owns which field does not count:
 * that is kept as far as a store can. Neither do annotations that are the Kubernetes store's own: what people wrote there does not go along.
 */
export function recordDigest(given: StoreRecord): string {
  const parsed = kinds[given.object.kind].schema.safeParse(given.object);
  const object = parsed.success ? {...given.object, ...parsed.data} : given.object;
  const {managedFields: _, ...metadata} = object.metadata as Document['metadata'];
  const compared = {...object, metadata: withoutStoreAnnotations(metadata)};
  const text = JSON.stringify(plain({...given, object: compared} as StoreRecord), inOrder);
  return createHash('sha256').update(text).digest('hex');
}

function inOrder(_key: string, value: unknown): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;
}
