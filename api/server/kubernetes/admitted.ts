import type {Mapping} from '../../managed-fields/value-schema.ts';
import {isMapping} from '../../managed-fields/value-schema.ts';
import type {Caller} from '../../v1alpha1/admission.ts';
import {defaultOwner} from '../../v1alpha1/admission.ts';
import {instanceFinalizer} from '../../v1alpha1/workspace.ts';
import {metadataOf, withMetadata} from './kube-object.ts';

/**
 * A new object with what Nexus adds, a workspace's owner, if it names none, and the finalizer by which its instance goes first; without ownerReferences, which
 * only an admin gives.
 */
export function admitted(given: Mapping, caller: Caller): Mapping {
  const {ownerReferences: _, ...metadata} = metadataOf(given);
  const object = caller.role === 'admin' ? given : {...given, metadata};
  if (object.kind !== 'Workspace') {
    return object;
  }

  const owned = defaultOwner(object, caller);
  const {finalizers} = metadata;
  const others = Array.isArray(finalizers) ? finalizers.map(String) : [];
  return withMetadata(isMapping(owned) ? owned : object, {
    finalizers: [...new Set([instanceFinalizer, ...others])],
  });
}
