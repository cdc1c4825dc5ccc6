import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import type {BundleStore} from '../../api/storage/bundle-store.ts';
import type {EventRecorder} from '../../api/storage/event-recorder.ts';
import type {Storage} from '../../api/storage/storage.ts';
import {readConfiguration} from '../../api/v1alpha1/default-config.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Agents} from '../agent-client/agents.ts';
import type {Reconcile} from '../manager/reconcile.ts';
import type {Credentials} from './actuator.ts';
import {createActuator} from './actuator.ts';
import {createBundleUploads} from './bundle-uploads.ts';
import {createCluster} from './cluster.ts';
import {createCopies} from './copies.ts';
import {createWorkspaceReconciler} from './reconciler.ts';
import type {GatewayPlace} from './status.ts';
import type {NodeCache, UserCache, WorkspaceCache} from './watches.ts';
import {watchForWorkspaces} from './watches.ts';

export type WorkspaceControllerOptions = {
  readonly storage: Pick<Storage, 'get' | 'update' | 'updateStatus'>;
  /** Made with `workspaceIndexes`. */
  readonly workspaces: WorkspaceCache;
  readonly nodes: NodeCache;
  readonly users: UserCache;
  readonly agents: Agents;
  readonly bundles: Pick<BundleStore, 'open'>;
  readonly credentials: Credentials;
  readonly recorder: EventRecorder;
  /** The server's, if it has one. */
  readonly gateway?: GatewayPlace;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** See {@link createCopies}. */
  readonly patience?: number;
  /** Ends what goes on in the background. */
  readonly signal: AbortSignal;
};

export type WorkspaceController = {
  /** The key is the name of a workspace. */
  readonly reconcile: Reconcile;
  /** Calls `enqueue` with the key of each workspace that something has changed for. Dispose of the result to stop. */
  watch(enqueue: (key: string) => void): Disposable;
};

/** Puts the workspace controller together; the manager runs it. Silence of nodes counts from now on. */
export function createWorkspaceController(options: WorkspaceControllerOptions): WorkspaceController {
  const {agents, credentials} = options;
  const log = options.log.child({controller: 'workspace'});
  const uploads = createBundleUploads(options);
  const copies = createCopies({...options, log});
  const actuator = createActuator({agents, uploads, copies, credentials});
  const cluster = createCluster(options);
  const ownWrites = new WeakSet<Stored<'Workspace'>>();
  return {
    reconcile: createWorkspaceReconciler({
      ...options,
      log,
      actuator,
      copies,
      cluster,
      ownWrites,
      readConfiguration,
    }),
    watch: enqueue => watchForWorkspaces({...options, copies, ownWrites, enqueue}),
  };
}
