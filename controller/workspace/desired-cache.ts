import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Desired, DesiredOptions, ReadConfiguration} from './desired.ts';
import {desiredOf} from './desired.ts';

export type DesiredCache = {
  /** As {@link desiredOf}; worked out again only when the workspace, its owner or its clone changed. */
  of(workspace: Stored<'Workspace'>, sources: Omit<DesiredOptions, 'readConfiguration'>): Desired;
};

/** Spares a look at a workspace that did not change the hashing and parsing: a resync looks at all of them. */
export function createDesiredCache(readConfiguration: ReadConfiguration): DesiredCache {
  const remembered = new WeakMap<
    Stored<'Workspace'>,
    Omit<DesiredOptions, 'readConfiguration'> & {readonly desired: Desired}
  >();
  return {
    of(workspace, sources) {
      const known = remembered.get(workspace);
      if (known !== undefined && known.owner === sources.owner && known.facts === sources.facts) {
        return known.desired;
      }

      const desired = desiredOf(workspace, {...sources, readConfiguration});
      remembered.set(workspace, {...sources, desired});
      return desired;
    },
  };
}
