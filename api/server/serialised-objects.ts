import type {Stored} from '../v1alpha1/kinds.ts';
import {apiVersion} from '../v1alpha1/metadata.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';

/**
 * JSON of stored objects, made once for each: the store hands out the same frozen object until it changes. Forgotten with the object.
 */
export type SerialisedObjects = {
  json(object: Stored<ServedKind>): string;
  list(
    kind: ServedKind,
    items: readonly Stored<ServedKind>[],
    metadata: {readonly resourceVersion: string},
  ): Buffer;
};

/** Lists that are kept: as many as there are kinds and a few users. */
const keptLists = 16;

export function createSerialisedObjects(): SerialisedObjects {
  const texts = new WeakMap<object, string>();
  const lists = new Map<string, {items: readonly Stored<ServedKind>[]; body: Buffer}>();
  const json = (object: Stored<ServedKind>): string => {
    const known = texts.get(object);
    if (known !== undefined) {
      return known;
    }

    const text = JSON.stringify(object);
    texts.set(object, text);
    return text;
  };

  return {
    json,
    list(kind, items, metadata) {
      const head = JSON.stringify({apiVersion, kind: `${kind}List`, metadata});
      const first = items[0]?.metadata.uid ?? '';
      const key = `${head} ${items.length} ${first}`;
      const known = lists.get(key);
      if (known !== undefined && sameItems(known.items, items)) {
        return known.body;
      }

      const body = Buffer.from(`${head.slice(0, -1)},"items":[${items.map(json).join(',')}]}`);
      lists.delete(key);
      lists.set(key, {items, body});
      const [oldest] = lists.keys();
      if (lists.size > keptLists && oldest !== undefined) {
        lists.delete(oldest);
      }

      return body;
    },
  };
}

function sameItems(left: readonly object[], right: readonly object[]): boolean {
  return left.length === right.length && left.every((item, index) => item === right[index]);
}
