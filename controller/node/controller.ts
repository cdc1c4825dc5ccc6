import type {Agents} from '../agent-client/agents.ts';
import type {Informer} from '../informer/informer.ts';
import type {Reconcile} from '../manager/reconcile.ts';
import type {OrphanCollectorOptions} from './orphan-collector.ts';
import {createOrphanCollector} from './orphan-collector.ts';
import type {NodeReconcilerOptions} from './reconciler.ts';
import {createNodeReconciler} from './reconciler.ts';

export type NodeControllerOptions = Omit<NodeReconcilerOptions, 'orphans'> &
  OrphanCollectorOptions & {
    readonly nodes: Pick<Informer<'Node', never>, 'get' | 'observe' | 'hasSynced' | 'onChange'>;
    readonly workspaces: Pick<Informer<'Workspace', 'uid' | 'node'>, 'byIndex' | 'hasSynced' | 'onChange'>;
    readonly agents: Agents;
  };

export type NodeController = {
  /** The key is the name of a Node. */
  readonly reconcile: Reconcile;
  /** Calls `enqueue` with the key of each Node that something has changed for. Dispose of the result to stop. */
  watch(enqueue: (key: string) => void): Disposable;
};

export function createNodeController(options: NodeControllerOptions): NodeController {
  const {nodes, workspaces, agents} = options;
  const orphans = createOrphanCollector(options);
  return {
    reconcile: createNodeReconciler({...options, orphans}),
    watch(enqueue) {
      const watches = new DisposableStack();
      watches.use(
        nodes.onChange(change => {
          // Its own status is no news.
          if (
            change.type !== 'MODIFIED' ||
            change.object.metadata.generation !== change.previous.metadata.generation ||
            change.object.metadata.uid !== change.previous.metadata.uid
          ) {
            enqueue(change.object.metadata.name);
          }
        }),
      );
      watches.use(
        workspaces.onChange(({type, object}) => {
          // What it leaves behind is to be collected.
          if (type === 'DELETED' && object.status?.node !== undefined) {
            enqueue(object.status.node);
          }
        }),
      );
      watches.use(
        agents.onChange(({node, uid}) => {
          if (uid === undefined || workspaces.byIndex('uid', uid).length === 0) {
            enqueue(node);
          }
        }),
      );
      return watches;
    },
  };
}
