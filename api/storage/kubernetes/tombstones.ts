import {z} from 'zod';
import type {Clock} from '../../effects/clock.ts';
import {timestampAt} from '../../effects/clock.ts';
import type {Kind} from '../../v1alpha1/kinds.ts';
import {apiVersion} from '../../v1alpha1/metadata.ts';
import type {Document} from '../document.ts';
import {asStored, parseDocument, serialize} from '../document.ts';
import {rememberedKinds} from '../moving/store-record.ts';
import type {Revision} from '../storage.ts';
import {isStorageError} from '../storage-error.ts';
import type {ApiResources} from './api-resources.ts';
import type {TombstoneSpec} from './internal-kinds.ts';
import {internalKinds, tombstoneSpec} from './internal-kinds.ts';

/** The last states of Workspaces, Nodes and Users that are gone, from which they can be made again. */
export type Tombstones = {
  /** Before the object goes; again for the same object replaces it. Now by default. */
  put(document: Document, deletedAt?: string): Promise<void>;
  /** Of all objects of that name, oldest first. */
  of<K extends Kind>(kind: K, name: string): Promise<readonly Revision<K>[]>;
};

const {plural} = internalKinds.Tombstone;

/** As the API server has one. */
export const tombstoneObject = z.object({
  metadata: z.object({name: z.string(), resourceVersion: z.string()}),
  spec: tombstoneSpec,
});

export function createTombstones(api: ApiResources, clock: Clock): Tombstones {
  return {
    async put(document, deletedAt = timestampAt(clock.now())) {
      const {kind, metadata} = document;
      if (!rememberedKinds.includes(kind)) {
        return;
      }

      const name = tombstoneName(document);
      const spec: TombstoneSpec = {
        kind,
        name: metadata.name,
        uid: metadata.uid,
        deletedAt,
        object: serialize(document),
      };
      const body = {
        apiVersion,
        kind: 'Tombstone',
        metadata: {name, labels: labelsOf(kind, metadata.name)},
        spec,
      };
      try {
        await api.create(plural, body);
      } catch (error) {
        if (!isStorageError(error, 'AlreadyExists')) {
          throw error;
        }

        await api.merge(plural, name, {spec});
      }
    },
    async of<K extends Kind>(kind: K, name: string) {
      if (!rememberedKinds.includes(kind)) {
        return [];
      }

      const labelSelector = Object.entries(labelsOf(kind, name))
        .map(([key, value]) => `${key}=${value}`)
        .join(',');
      const {items} = await api.list(plural, {labelSelector});
      return items
        .map((item): Revision<K> => {
          const {metadata, spec} = tombstoneObject.parse(item);
          return {
            resourceVersion: metadata.resourceVersion,
            time: spec.deletedAt,
            type: 'DELETED',
            object: asStored<K>(parseDocument(spec.object)),
          };
        })
        .sort((a, b) => (a.time < b.time ? -1 : 1));
    },
  };
}

/** One for each object, whatever else is or was called like it. */
export function tombstoneName({kind, metadata}: Document): string {
  return `${kind.toLowerCase()}-${metadata.uid}`;
}

function labelsOf(kind: Kind, name: string): Record<string, string> {
  return {'nexus.dev/kind': kind, 'nexus.dev/name': name};
}
