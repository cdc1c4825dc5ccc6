import {isAgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {EventRecorder} from '../../api/storage/event-recorder.ts';
import type {Storage} from '../../api/storage/storage.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Agents} from '../agent-client/agents.ts';
import type {Informer} from '../informer/informer.ts';
import type {OrphanRemoval} from './orphans.ts';
import {isOwned, planOrphans} from './orphans.ts';

export type OrphanCollectorOptions = {
  readonly storage: Pick<Storage, 'list'>;
  readonly workspaces: Pick<Informer<'Workspace', 'uid'>, 'byIndex' | 'hasSynced'>;
  readonly agents: Pick<Agents, 'view' | 'request'>;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds that an instance must have been without a Workspace; 10 minutes by default. */
  readonly grace?: number;
  /** Milliseconds that an instance with unsaved work is kept; 7 days by default. */
  readonly retention?: number;
};

export type OrphanCollector = {
  /** Removes what may go from this node; resolves to the milliseconds until more may, or undefined. */
  collect(node: Stored<'Node'>, signal: AbortSignal): Promise<number | undefined>;
  forget(node: string): void;
};

/** Milliseconds until what could not be removed is tried again. */
const retryInterval = 60_000;

export function createOrphanCollector(options: OrphanCollectorOptions): OrphanCollector {
  const {storage, workspaces, agents, recorder, clock, log} = options;
  const {grace = 600_000, retention = 7 * 24 * 3_600_000} = options;
  /** By node, then uid: since when there has been no Workspace. */
  const since = new Map<string, ReadonlyMap<string, number>>();

  /** Asks the store itself: what is about to be removed may have been declared a moment ago. */
  const isDeclaredInStore = async (node: string, instance: Instance) => {
    const {items} = await storage.list('Workspace', {fields: {'metadata.uid': instance.uid}, limit: 1});
    return isOwned(instance, node, items);
  };

  const remove = async (node: Stored<'Node'>, removal: OrphanRemoval, signal: AbortSignal) => {
    const {uid, name, mode, transfer} = removal;
    const instance = agents.view(node.metadata.name)?.instances.get(uid);
    if (instance === undefined || (await isDeclaredInStore(node.metadata.name, instance))) {
      return true;
    }
    const regarding = {kind: 'Node', name: node.metadata.name, uid: node.metadata.uid};
    try {
      const {state, retired} = await (transfer === undefined
        ? agents.request(node.metadata.name, 'instance/delete', {uid, mode, retention}, signal)
        : agents.request(node.metadata.name, 'instance/discard', {uid, transfer}, signal));
      const message =
        transfer !== undefined
          ? `Removed ${name}, a copy of a workspace that was not moved here after all.`
          : retired === undefined
            ? `Removed instance ${name}: there has been no workspace of that uid (state now ${state}).`
            : `Stopped instance ${name}, which has no workspace: it holds unsaved work and is kept until ${retired.until}.`;
      log.info({node: node.metadata.name, uid, name, mode, state}, 'collected an orphan');
      await recorder.record({regarding, type: 'Normal', reason: 'OrphanCollected', message});
      return true;
    } catch (error) {
      if (!isAgentError(error) || error.code === 'Disconnected' || error.code === 'Fenced') {
        throw error;
      }
      log.warn({error, node: node.metadata.name, uid, name}, 'could not collect an orphan');
      const message = `Could not remove instance ${name}, which has no workspace: ${error.message}`;
      await recorder.record({regarding, type: 'Warning', reason: 'OrphanNotCollected', message});
      return false;
    }
  };

  return {
    async collect(node, signal) {
      const {name} = node.metadata;
      const view = agents.view(name);
      if (view === undefined || !view.synced || !workspaces.hasSynced()) {
        return undefined;
      }
      const plan = planOrphans({
        instances: view.instances,
        isDeclared: instance => isOwned(instance, name, workspaces.byIndex('uid', instance.uid)),
        since: since.get(name) ?? new Map(),
        now: clock.now(),
        grace,
      });
      since.set(name, plan.since);
      let failed = false;
      for (const removal of plan.removals) {
        signal.throwIfAborted();
        failed = !(await remove(node, removal, signal)) || failed;
      }
      return failed ? Math.min(plan.nextIn ?? retryInterval, retryInterval) : plan.nextIn;
    },
    forget(node) {
      since.delete(node);
    },
  };
}
