import {z} from 'zod';
import type {Kind} from '../../v1alpha1/kinds.ts';
import {kinds} from '../../v1alpha1/kinds.ts';
import {apiVersion, timestamp} from '../../v1alpha1/metadata.ts';
import {
  identityAnnotation,
  originAnnotation,
  statusAnnotation,
  withoutStoreAnnotations,
} from '../../v1alpha1/store-annotations.ts';
import type {Document} from '../document.ts';
import {freeze} from '../document.ts';
import {ApiServerError} from './api-failure.ts';

/** An object as the API server has it, as far as the store looks at it. */
const apiObject = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string().default(''),
    resourceVersion: z.string().default('0'),
    generation: z.int().default(1),
    creationTimestamp: z.string().default(''),
    deletionTimestamp: z.string().optional(),
    finalizers: z.array(z.string()).optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
    ownerReferences: z.array(z.unknown()).optional(),
  }),
  spec: z.unknown().optional(),
  status: z.unknown().optional(),
});

/** A stored object, and what the API server says of it beyond that. */
export type Held = {
  readonly document: Document;
  /** The API server's own uid of it. */
  readonly apiUid: string;
  /** Its status is still in the annotation with which it was created. */
  readonly unfinished: boolean;
  /** Annotations that say what it was elsewhere; every write carries them. */
  readonly origin: Origin;
};

export type Origin = Readonly<Record<string, string>>;

const origin = z.object({
  creationTimestamp: timestamp,
  deletionTimestamp: timestamp.optional(),
  /** What the API server counted is added to it. */
  generation: z.int(),
});

/** What the API server gave for an object of `kind`. Throws ApiServerError for what is none. */
export function fromApi(kind: Kind, given: unknown): Held {
  const parsed = apiObject.safeParse(given);
  if (!parsed.success) {
    throw new ApiServerError(`The API server gave a ${kind} that is none`, 0, {cause: parsed.error});
  }

  const {metadata, spec, status} = parsed.data;
  const {annotations = {}, labels = {}, finalizers = [], ownerReferences} = metadata;
  const uid = ownUid(metadata.name, annotations[identityAnnotation]);
  const before = uid === undefined ? undefined : originOf(annotations[originAnnotation]);
  const isDeleted = metadata.deletionTimestamp !== undefined;
  const deletionTimestamp = isDeleted ? (before?.deletionTimestamp ?? metadata.deletionTimestamp) : undefined;
  const {annotations: shown = {}} = withoutStoreAnnotations({annotations});
  const initial = status === undefined ? initialStatus(kind, parsed.data) : undefined;
  const known = status ?? initial;
  return {
    apiUid: metadata.uid,
    unfinished: initial !== undefined,
    origin:
      uid === undefined
        ? {}
        : Object.fromEntries(
            [identityAnnotation, originAnnotation].flatMap(key =>
              annotations[key] === undefined ? [] : [[key, annotations[key]]],
            ),
          ),
    document: freeze({
      apiVersion,
      kind,
      metadata: {
        name: metadata.name,
        uid: uid ?? metadata.uid,
        resourceVersion: metadata.resourceVersion,
        // There it also grows when deletion is asked for.
        generation: metadata.generation - (isDeleted ? 1 : 0) + (before?.generation ?? 0),
        creationTimestamp: before?.creationTimestamp ?? metadata.creationTimestamp,
        ...(deletionTimestamp === undefined ? {} : {deletionTimestamp}),
        ...(finalizers.length === 0 ? {} : {finalizers}),
        ...(Object.keys(labels).length === 0 ? {} : {labels}),
        ...(Object.keys(shown).length === 0 ? {} : {annotations: shown}),
        ...(ownerReferences === undefined ? {} : {ownerReferences}),
      },
      spec: spec ?? {},
      ...(known === undefined ? {} : {status: known}),
    }),
  };
}

/** For an object that keeps its uid. */
export function identityOf({metadata: {name, uid}}: Document): Origin {
  return {[identityAnnotation]: `${name}/${uid}`};
}

/** For one that is to be made anew as it is: its generation and times, too. */
export function wholeOriginOf(document: Document): Origin {
  const {generation, creationTimestamp, deletionTimestamp} = document.metadata;
  const before: z.infer<typeof origin> = {
    creationTimestamp,
    ...(deletionTimestamp === undefined ? {} : {deletionTimestamp}),
    generation: generation - 1,
  };
  return {...identityOf(document), [originAnnotation]: JSON.stringify(before)};
}

/** `document` as it is sent; uid and times are the API server's own affair, apart from what `origin` says. */
export function toApi(document: Document, namespace: string, origin: Origin): Record<string, unknown> {
  const {apiVersion: version, kind, metadata, spec, status} = document;
  const {name, resourceVersion, labels, annotations = {}, finalizers, ownerReferences} = metadata;
  return {
    apiVersion: version,
    kind,
    metadata: {
      name,
      namespace,
      ...(resourceVersion === '0' ? {} : {resourceVersion}),
      ...(labels === undefined ? {} : {labels}),
      annotations: {...annotations, ...origin},
      ...(finalizers === undefined ? {} : {finalizers}),
      ...(ownerReferences === undefined ? {} : {ownerReferences}),
    },
    spec,
    ...(status === undefined ? {} : {status}),
  };
}

function ownUid(name: string, identity: string | undefined): string | undefined {
  const prefix = `${name}/`;
  const uid = identity?.startsWith(prefix) === true ? identity.slice(prefix.length) : undefined;
  return uid !== undefined && /^[a-z0-9](?:[-a-z0-9]{0,55}[a-z0-9])?$/.test(uid) ? uid : undefined;
}

/** Undefined also for what people wrote there that is none. */
function originOf(text: string | undefined): z.infer<typeof origin> | undefined {
  try {
    return text === undefined ? undefined : origin.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Undefined also for what people wrote there that is none of the kind. */
function initialStatus(
  kind: Kind,
  {metadata: {name, annotations = {}}, spec}: z.infer<typeof apiObject>,
): unknown {
  const text = annotations[statusAnnotation];
  try {
    const status: unknown = text === undefined ? undefined : JSON.parse(text);
    if (typeof status !== 'object' || status === null || Array.isArray(status)) {
      return undefined;
    }

    const {error} = kinds[kind].schema.safeParse({apiVersion, kind, metadata: {name}, spec, status});
    const isRefused = error?.issues.some(
      issue =>
        issue.path[0] === 'status' || (issue.code === 'unrecognized_keys' && issue.keys.includes('status')),
    );
    return isRefused === true ? undefined : status;
  } catch {
    return undefined;
  }
}
