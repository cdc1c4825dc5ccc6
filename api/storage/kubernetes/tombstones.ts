import {z} from 'zod';
import type {Clock} from '../../effects/clock.ts';
import {timestampAt} from '../../effects/clock.ts';
import type {Kind} from '../../v1alpha1/kinds.ts';
import {apiVersion} from '../../v1alpha1/metadata.ts';
import type {Document} from '../document.ts';
import {asStored, parseDocument, serialize} from '../document.ts';
import type {Revision} from '../storage.ts';
import {isStorageError} from '../storage-error.ts';
import type {ApiResources} from './api-resources.ts';
import type {TombstoneSpec} from './internal-kinds.ts';
import {internalKinds, tombstoneSpec} from './internal-kinds.ts';

/** The last states of Workspaces, Nodes and Users that are gone, from which they can be made again. */
export type Tombstones = {
  /** Before the object goes; again for the same object replaces it. */
  put(document: Document): Promise<void>;
  /** Of all objects of that name, oldest first. */
  of<K extends Kind>(kind: K, name: string): Promise<readonly Revision<K>[]>;
};

const {plural} = internalKinds.Tombstone;

const schema = z.object({metadata: z.object({resourceVersion: z.string()}), spec: tombstoneSpec});

/** Not of what happens by the hundred, nor of secrets. */
const remembered: readonly Kind[] = ['Workspace', 'Node', 'User'];

export function createTombstones(api: ApiResources, clock: Clock): Tombstones {
  return {
    async put(document) {
      const {kind, metadata} = document;
      if (!remembered.includes(kind)) {
        return;
      }

      const name = `${kind.toLowerCase()}-${metadata.uid}`;
      const spec: TombstoneSpec = {
        kind,
        name: metadata.name,
        uid: metadata.uid,
        deletedAt: timestampAt(clock.now()),
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
      if (!remembered.includes(kind)) {
        return [];
      }

      const labelSelector = Object.entries(labelsOf(kind, name))
        .map(([key, value]) => `${key}=${value}`)
        .join(',');
      const {items} = await api.list(plural, {labelSelector});
      return items
        .map((item): Revision<K> => {
          const {metadata, spec} = schema.parse(item);
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

function labelsOf(kind: Kind, name: string): Record<string, string> {
  return {'nexus.dev/kind': kind, 'nexus.dev/name': name};
}
