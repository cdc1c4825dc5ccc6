import type {Clock} from '../../api/effects/clock.ts';
import type {EventRecorder} from '../../api/storage/event-recorder.ts';
import type {Storage} from '../../api/storage/storage.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {NodeStatus} from '../../api/v1alpha1/node.ts';
import type {Agents} from '../agent-client/agents.ts';
import type {Informer} from '../informer/informer.ts';
import type {Reconcile} from '../manager/reconcile.ts';
import type {OrphanCollector} from './orphan-collector.ts';
import type {NodeObservation} from './status.ts';
import {isReachable, isWorthWriting, nextLook, nodeStatusOf} from './status.ts';

export type NodeReconcilerOptions = {
  readonly storage: Pick<Storage, 'updateStatus'>;
  readonly nodes: Pick<Informer<'Node', never>, 'get' | 'observe' | 'hasSynced'>;
  readonly workspaces: Pick<Informer<'Workspace', 'node'>, 'byIndex' | 'hasSynced'>;
  readonly agents: Pick<Agents, 'ensure' | 'forget' | 'view'>;
  readonly orphans: OrphanCollector;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
};

/** The key is the name of a Node: keeps its connection, writes what is known of it, and collects what no workspace owns. */
export function createNodeReconciler(options: NodeReconcilerOptions): Reconcile {
  const {storage, nodes, workspaces, agents, orphans, recorder, clock} = options;

  const writeStatus = async (node: Stored<'Node'>, observation: NodeObservation) => {
    const next = nodeStatusOf(node, observation);
    if (!isWorthWriting(node.status, next)) {
      return node;
    }
    const written = await storage.updateStatus('Node', {...node, status: next});
    nodes.observe(written);
    await recordTransition(node, next);
    return written;
  };

  const recordTransition = async ({metadata, status}: Stored<'Node'>, next: NodeStatus) => {
    const before = findCondition(status?.conditions, 'Ready');
    const after = findCondition(next.conditions, 'Ready');
    if (after === undefined || after.status === 'Unknown' || before?.reason === after.reason) {
      return;
    }
    await recorder.record({
      regarding: {kind: 'Node', name: metadata.name, uid: metadata.uid},
      type: after.status === 'True' ? 'Normal' : 'Warning',
      reason: after.status === 'True' ? 'NodeReady' : 'NodeNotReady',
      message: after.message,
    });
  };

  return async (name, signal) => {
    if (!nodes.hasSynced() || !workspaces.hasSynced()) {
      return {requeueAfter: 1000, reason: 'CachesNotSynced'};
    }
    const node = nodes.get(name);
    if (node === undefined) {
      orphans.forget(name);
      await agents.forget(name);
      return {};
    }
    if (isReachable(node)) {
      agents.ensure(node);
    } else {
      await agents.forget(name);
    }
    const observation: NodeObservation = {
      view: agents.view(name),
      workspaces: workspaces.byIndex('node', name).length,
      now: clock.now(),
    };
    const written = await writeStatus(node, observation);
    const waits = [nextLook(written, observation), await orphans.collect(node, signal)];
    const requeueAfter = Math.min(...waits.filter(wait => wait !== undefined));
    return Number.isFinite(requeueAfter) ? {requeueAfter, reason: 'NextLook'} : {};
  };
}
