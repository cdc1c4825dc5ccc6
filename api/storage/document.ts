import type {Kind, Stored} from '../v1alpha1/kinds.ts';
import type {StoredMeta} from '../v1alpha1/metadata.ts';

/** A stored object whose kind does not matter; deeply frozen, so that readers can share one copy. */
export type Document = {
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: StoredMeta;
  readonly spec: unknown;
  readonly status?: unknown;
};

/** The one place where the adapter's documents get their kind's type; every document was checked by its schema when it was written. */
export function asStored<K extends Kind>(document: Document): Stored<K> {
  return document as unknown as Stored<K>;
}

/** Text that {@link serialize} made. */
export function parseDocument(text: string): Document {
  const document: Document = JSON.parse(text);
  return freeze(document);
}

export function serialize(document: Document): string {
  return JSON.stringify(document);
}

/** Freezes `value` and all that is in it. */
export function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) {
      freeze(part);
    }
  }

  return value;
}
