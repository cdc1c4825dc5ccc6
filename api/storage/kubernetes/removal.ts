import type {Clock} from '../../effects/clock.ts';
import {kinds} from '../../v1alpha1/kinds.ts';
import type {Document} from '../document.ts';
import {freeze} from '../document.ts';
import type {WriteOptions} from '../storage.ts';
import type {Held} from './api-object.ts';
import {fromApi, toApi} from './api-object.ts';
import type {ApiResources} from './api-resources.ts';
import type {PortClaims} from './port-claims.ts';
import type {Tombstones} from './tombstones.ts';

/** How objects go. */
export type Removal = {
  /** Asks for the deletion of what finalizers hold. */
  ask(held: Held, options: WriteOptions): Promise<Document>;
  /** Removes what nothing holds any more: by a delete, or by the update (`declared`) that takes the last finalizer away. */
  complete(
    held: Held,
    last: Document,
    options: WriteOptions & {readonly part: 'whole' | 'declared' | 'status'},
  ): Promise<Document>;
};

/** Milliseconds to wait for word of a deletion that has happened. */
const longestWord = 5000;

export function createRemoval({
  api,
  claims,
  tombstones,
  clock,
  namespace,
}: {
  api: ApiResources;
  claims: PortClaims;
  tombstones: Tombstones;
  clock: Clock;
  namespace: string;
}): Removal {
  const remove = ({document, apiUid}: Held, query: Readonly<Record<string, string>> = {}) => {
    const {name, resourceVersion} = document.metadata;
    return api.remove(kinds[document.kind].plural, name, {
      preconditions: {uid: apiUid, resourceVersion},
      query,
    });
  };

  /** Deletes `held`. Resolves to the version in which it went, which only a watch tells. */
  const removeAtVersion = async (held: Held): Promise<string> => {
    const {document, apiUid} = held;
    const {plural} = kinds[document.kind];
    // The object's own version may be older than what can be watched from.
    const {resourceVersion} = await api.list(plural, {limit: '1'});
    await remove(held);
    const {name} = document.metadata;
    const abort = new AbortController();
    using _limit = clock.schedule(longestWord, () => abort.abort());
    const query = {fieldSelector: `metadata.name=${name}`, resourceVersion};
    try {
      for await (const {type, object} of api.watch(plural, query, abort.signal)) {
        const told = type === 'DELETED' ? fromApi(document.kind, object) : undefined;
        if (told?.apiUid === apiUid) {
          return told.document.metadata.resourceVersion;
        }
      }
    } catch {
      // It is gone in any case; only what a watch from this answer gives is then one event more.
    } finally {
      abort.abort();
    }

    return resourceVersion;
  };

  return {
    async ask(held, {dryRun = false}) {
      return fromApi(held.document.kind, await remove(held, dryRun ? {dryRun: 'All'} : {})).document;
    },
    async complete(held, last, {part, dryRun = false}) {
      if (dryRun) {
        return last;
      }

      // First, so that nothing is ever gone without a trace. One of an object that then stays is not looked at.
      await tombstones.put(last);
      let {resourceVersion} = last.metadata;
      if (part === 'whole') {
        resourceVersion = await removeAtVersion(held);
      } else {
        const body = toApi(last, namespace, held.origin);
        await api.replace(kinds[last.kind].plural, last.metadata.name, {body});
      }

      await claims.release(held.document, undefined);
      return freeze({...last, metadata: {...last.metadata, resourceVersion}});
    },
  };
}
