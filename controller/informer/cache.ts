import {isLater} from '../../api/storage/resource-version.ts';
import type {Kind, Stored} from '../../api/v1alpha1/kinds.ts';

/** The values under which an object is found; none when it has none. */
export type IndexFunction<K extends Kind> = (object: Stored<K>) => readonly string[];

/** One difference between the cache before and after. */
export type CacheChange<K extends Kind> =
  | {readonly type: 'ADDED'; readonly object: Stored<K>}
  | {readonly type: 'MODIFIED'; readonly object: Stored<K>; readonly previous: Stored<K>}
  | {readonly type: 'DELETED'; readonly object: Stored<K>};

/** What is read from a cache. Objects are shared: never change one. */
export type CacheReader<K extends Kind, I extends string> = {
  get(name: string): Stored<K> | undefined;
  list(): readonly Stored<K>[];
  byIndex(index: I, value: string): readonly Stored<K>[];
};

/** Never goes back: what is older than what it holds, or than a deletion it knows of, changes nothing. Pure but for its own state. */
export type Cache<K extends Kind, I extends string> = CacheReader<K, I> & {
  upsert(object: Stored<K>): CacheChange<K> | undefined;
  /** `object` as it was last, in the version of its removal. */
  remove(object: Stored<K>): CacheChange<K> | undefined;
  /** All that will come is later than this version. */
  passed(resourceVersion: string): void;
  /** Makes it what a list of `resourceVersion` said, but for what is known to be later. */
  replace(objects: readonly Stored<K>[], resourceVersion: string): readonly CacheChange<K>[];
};

export function createCache<K extends Kind, I extends string>(
  indexFunctions: Readonly<Record<I, IndexFunction<K>>>,
): Cache<K, I> {
  const objects = new Map<string, Stored<K>>();
  /** By name: the version in which an object was removed, until {@link Cache.passed} says that nothing older can come. */
  const removals = new Map<string, string>();
  const indexes = new Map<string, {of: IndexFunction<K>; names: Map<string, Set<string>>}>();
  for (const index in indexFunctions) {
    indexes.set(index, {of: indexFunctions[index], names: new Map()});
  }

  const unindex = (object: Stored<K>) => {
    for (const {of, names} of indexes.values()) {
      for (const value of of(object)) {
        const present = names.get(value);
        present?.delete(object.metadata.name);
        if (present?.size === 0) {
          names.delete(value);
        }
      }
    }
  };
  const index = (object: Stored<K>) => {
    for (const {of, names} of indexes.values()) {
      for (const value of of(object)) {
        const present = names.get(value) ?? new Set();
        names.set(value, present.add(object.metadata.name));
      }
    }
  };
  const put = (object: Stored<K>, previous: Stored<K> | undefined): CacheChange<K> => {
    if (previous !== undefined) {
      unindex(previous);
    }
    objects.set(object.metadata.name, object);
    index(object);
    return previous === undefined ? {type: 'ADDED', object} : {type: 'MODIFIED', object, previous};
  };
  const drop = (present: Stored<K>, last: Stored<K>): CacheChange<K> => {
    unindex(present);
    objects.delete(present.metadata.name);
    return {type: 'DELETED', object: last};
  };
  const upsert = (object: Stored<K>): CacheChange<K> | undefined => {
    const {name, resourceVersion} = object.metadata;
    const previous = objects.get(name);
    const known = previous?.metadata.resourceVersion ?? removals.get(name);
    if (known !== undefined && !isLater(resourceVersion, known)) {
      return undefined;
    }
    removals.delete(name);
    return put(object, previous);
  };
  const passed = (resourceVersion: string) => {
    for (const [name, version] of removals) {
      if (!isLater(version, resourceVersion)) {
        removals.delete(name);
      }
    }
  };

  return {
    get: name => objects.get(name),
    list: () => [...objects.values()],
    byIndex: (name, value) =>
      [...(indexes.get(name)?.names.get(value) ?? [])]
        .map(objectName => objects.get(objectName))
        .filter(object => object !== undefined),
    upsert,
    remove(object) {
      const {name, resourceVersion} = object.metadata;
      const present = objects.get(name);
      if (present === undefined || isLater(present.metadata.resourceVersion, resourceVersion)) {
        return undefined;
      }
      removals.set(name, resourceVersion);
      return drop(present, object);
    },
    passed,
    replace(listed, resourceVersion) {
      const changes = listed.map(upsert);
      const names = new Set(listed.map(({metadata}) => metadata.name));
      for (const present of [...objects.values()]) {
        const {name} = present.metadata;
        if (!names.has(name) && !isLater(present.metadata.resourceVersion, resourceVersion)) {
          changes.push(drop(present, present));
        }
      }
      passed(resourceVersion);
      return changes.filter(change => change !== undefined);
    },
  };
}
