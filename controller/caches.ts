import type {Clock} from '../api/effects/clock.ts';
import type {Logger} from '../api/effects/logger.ts';
import type {Random} from '../api/effects/random.ts';
import type {Storage} from '../api/storage/storage.ts';
import type {Informer} from './informer/informer.ts';
import {createInformer} from './informer/informer.ts';
import type {UserIndex, WorkspaceIndex} from './workspace/watches.ts';
import {userIndexes, workspaceIndexes} from './workspace/watches.ts';

/** What is stored, as the controller and all that decides by caches see it. */
export type Caches = {
  readonly workspaces: Informer<'Workspace', WorkspaceIndex>;
  readonly nodes: Informer<'Node', never>;
  readonly users: Informer<'User', UserIndex>;
  /** Keeps them up to date until `signal` is aborted. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves once they hold all that was stored at the start; rejects with the signal's reason. */
  synced(signal: AbortSignal): Promise<void>;
  hasSynced(): boolean;
  /** Resolves once they hold all that is stored at the time of the call; rejects with the signal's reason. */
  refresh(signal: AbortSignal): Promise<void>;
};

export type CachesOptions = {
  readonly storage: Pick<Storage, 'list' | 'watch'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
};

export function createCaches(options: CachesOptions): Caches {
  const workspaces = createInformer({...options, kind: 'Workspace', indexes: workspaceIndexes});
  const nodes = createInformer({...options, kind: 'Node', indexes: {}});
  const users = createInformer({...options, kind: 'User', indexes: userIndexes});
  const all = [workspaces, nodes, users];
  const each = async (work: (informer: (typeof all)[number]) => Promise<void>) => {
    await Promise.all(all.map(work));
  };

  return {
    workspaces,
    nodes,
    users,
    run: signal => each(informer => informer.run(signal)),
    synced: signal => each(informer => informer.synced(signal)),
    hasSynced: () => all.every(informer => informer.hasSynced()),
    refresh: signal => each(informer => informer.refresh(signal)),
  };
}
