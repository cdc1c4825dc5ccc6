/**
 * `NAME/UID`: the object keeps the uid that it had in another store, or before it was deleted; names of instances derive from that. It counts only on
 * an object of that name: a copy of a manifest under another name is another object.
 */
export const identityAnnotation = 'nexus.dev/identity';

/** JSON: what an object that came from another store was there, and the API server writes itself. It counts only beside an {@link identityAnnotation} that does. */
export const originAnnotation = 'nexus.dev/origin';

/** A status given at creation, as JSON, until it is in the status subresource: so that no one ever sees the object without. */
export const statusAnnotation = 'nexus.dev/initial-status';

/** Changed to make writes that are under way fail. */
export const fenceAnnotation = 'nexus.dev/fenced-at';

/** Annotations that the store on Kubernetes writes for itself, and believes. They are in no object that it returns, and nobody else may set them. */
export const storeAnnotations: readonly string[] = [
  identityAnnotation,
  originAnnotation,
  statusAnnotation,
  fenceAnnotation,
];

type Annotated = {readonly annotations?: Readonly<Record<string, string>> | undefined};

/** `metadata` without {@link storeAnnotations}; the same where it has none. */
export function withoutStoreAnnotations<M extends Annotated>(metadata: M): M {
  const {annotations, ...others} = metadata;
  if (annotations === undefined || !storeAnnotations.some(name => Object.hasOwn(annotations, name))) {
    return metadata;
  }

  const kept = Object.entries(annotations).filter(([name]) => !storeAnnotations.includes(name));
  // What is left of M's own fields is M: annotations are optional in it.
  return {...others, ...(kept.length === 0 ? {} : {annotations: Object.fromEntries(kept)})} as M;
}
