import type {Clock} from '../../effects/clock.ts';
import {timestampAt} from '../../effects/clock.ts';
import type {Kind} from '../../v1alpha1/kinds.ts';
import type {Document} from '../document.ts';
import {asStored} from '../document.ts';
import {isLater} from '../resource-version.ts';
import type {Revision} from '../storage.ts';
import type {Held} from './api-object.ts';
import type {Tombstones} from './tombstones.ts';

/**
 * The API server keeps no past that could be asked for, so what can be told of it is: what this server wrote since it started, at most the latest
 * 1,000 writes; the object as it is; and the last states of Workspaces, Nodes and Users that are gone, for 30 days.
 */
export type History = {
  /** Takes note of a write. */
  add(type: Revision<Kind>['type'], document: Document): void;
  /** Oldest first. `living` is the object as it is, if it is. */
  of<K extends Kind>(kind: K, name: string, living: Held | undefined): Promise<readonly Revision<K>[]>;
};

const capacity = 1000;

type Entry = {readonly type: Revision<Kind>['type']; readonly time: string; readonly document: Document};

export function createHistory(tombstones: Tombstones, clock: Clock): History {
  const entries: Entry[] = [];
  return {
    add(type, document) {
      // Events tell of the past themselves.
      if (document.kind === 'Event') {
        return;
      }

      entries.push({type, time: timestampAt(clock.now()), document});
      if (entries.length > capacity) {
        entries.shift();
      }
    },
    async of<K extends Kind>(kind: K, name: string, living: Held | undefined) {
      const written = entries
        .filter(({document}) => document.kind === kind && document.metadata.name === name)
        .map(({type, time, document}): Revision<K> => revision(type, time, document));
      const gone = (await tombstones.of(kind, name)).filter(
        ({object}) =>
          object.metadata.uid !== living?.document.metadata.uid &&
          !written.some(
            known => known.type === 'DELETED' && known.object.metadata.uid === object.metadata.uid,
          ),
      );
      const present =
        living === undefined || written.at(-1)?.resourceVersion === living.document.metadata.resourceVersion
          ? []
          : [presentOf<K>(living.document, clock)];
      return [...gone, ...written, ...present].sort((a, b) =>
        isLater(a.resourceVersion, b.resourceVersion) ? 1 : -1,
      );
    },
  };
}

function revision<K extends Kind>(type: Revision<K>['type'], time: string, document: Document): Revision<K> {
  return {resourceVersion: document.metadata.resourceVersion, time, type, object: asStored<K>(document)};
}

/** Who else wrote it last, and when, is not known here. */
function presentOf<K extends Kind>(document: Document, clock: Clock): Revision<K> {
  return revision('MODIFIED', timestampAt(clock.now()), document);
}
