import type {ManagedEntry} from '../../managed-fields/managed-entries.ts';
import {decodeEntries} from '../../managed-fields/managed-entries.ts';
import type {Mapping} from '../../managed-fields/value-schema.ts';
import {isMapping} from '../../managed-fields/value-schema.ts';
import type {Stored} from '../../v1alpha1/kinds.ts';
import type {ServedKind} from '../../v1alpha1/validate.ts';
import {onlyNamespace} from './kube-resource.ts';

/** What clients say of an object's metadata and Nexus keeps; the rest is the store's, or of no use here. */
const kept = ['name', 'labels', 'annotations', 'finalizers', 'ownerReferences', 'managedFields'] as const;

/** A stored object as the Kubernetes API shows it: in its namespace, with times of whole seconds. */
export function toKube(stored: Stored<ServedKind>): Mapping {
  const {apiVersion, kind, metadata, spec} = stored;
  const {creationTimestamp, deletionTimestamp, generation, ...rest} = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      ...rest,
      // Kubernetes counts the deletion as a change of what is wanted.
      generation: deletionTimestamp === undefined ? generation : generation + 1,
      namespace: onlyNamespace,
      creationTimestamp: wholeSeconds(creationTimestamp),
      ...(deletionTimestamp === undefined
        ? {}
        : {deletionTimestamp: wholeSeconds(deletionTimestamp), deletionGracePeriodSeconds: 0}),
    },
    spec,
    ...('status' in stored && stored.status !== undefined ? {status: stored.status} : {}),
  };
}

/** An object of a client as the store is to have it. */
export function fromKube(object: Mapping, managedFields: readonly object[]): Mapping {
  const owners = managedFields.length === 0 ? {} : {managedFields};
  const metadata = metadataOf(withMetadata(withoutManagedFields(object), owners));
  return {
    ...object,
    metadata: Object.fromEntries(
      kept.filter(name => metadata[name] !== undefined).map(name => [name, metadata[name]]),
    ),
  };
}

export function metadataOf(object: Mapping): Mapping {
  return isMapping(object.metadata) ? object.metadata : {};
}

export function withMetadata(object: Mapping, metadata: Mapping): Mapping {
  return {...object, metadata: {...metadataOf(object), ...metadata}};
}

/** What fields are owned in: the object, without saying who owns them. */
export function withoutManagedFields(object: Mapping): Mapping {
  const {managedFields: _, ...metadata} = metadataOf(object);
  return {...object, metadata};
}

/** Who owns what of `object`; nobody where that can't be read. */
export function ownersOf(object: Mapping): readonly ManagedEntry[] {
  return decodeEntries(metadataOf(object).managedFields) ?? [];
}

export function nameOf(object: Mapping): string {
  const {name} = metadataOf(object);
  return typeof name === 'string' ? name : '';
}

/** `groupVersion` is that of `meta.k8s.io` in which it was asked for. */
export function partialMetadata(object: Mapping, groupVersion: string): Mapping {
  return {kind: 'PartialObjectMetadata', apiVersion: groupVersion, metadata: metadataOf(object)};
}

function wholeSeconds(timestamp: string): string {
  return timestamp.replace(/\.\d+/, '');
}
