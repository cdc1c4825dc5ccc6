import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {EventRecorder} from '../../api/storage/event-recorder.ts';
import type {Storage} from '../../api/storage/storage.ts';
import {isStorageError} from '../../api/storage/storage-error.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Agents} from '../agent-client/agents.ts';
import type {Informer} from '../informer/informer.ts';
import type {AgentUpgrader} from './agent-upgrader.ts';
import {agentUpToDate} from './conditions.ts';
import {observeNodes} from './observe-nodes.ts';
import {planRollout} from './plan-rollout.ts';
import {createStatusWriter} from './status-writer.ts';
import {finishInterrupted, upgradeNode} from './upgrade-node.ts';

export type RolloutOptions = {
  readonly storage: Pick<Storage, 'updateStatus'>;
  readonly nodes: Pick<Informer<'Node', never>, 'get' | 'list' | 'observe' | 'onChange'>;
  readonly workspaces: Pick<Informer<'Workspace', 'node'>, 'byIndex'>;
  readonly agents: Pick<Agents, 'view' | 'onChange'>;
  readonly upgrader: AgentUpgrader;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tuning?: RolloutTuning;
};

/** Milliseconds. */
export type RolloutTuning = {
  /** Until a new agent must answer; a minute by default. */
  readonly upTimeout?: number;
  /** How long the first with a new version must hold before others follow; 30 s by default, and 5 s for those. */
  readonly canary?: number;
  readonly others?: number;
};

/** Milliseconds between looks while some node waits; changes are looked at soon after they come, many at once. */
const interval = 30_000;
const coalesce = 1000;

/**
 * Sees to it that the agents of all nodes become this server's version, one after the other, until the signal is aborted. Level-triggered: what was
 * interrupted is found half done, and done.
 */
export async function runRollout(options: RolloutOptions, signal: AbortSignal): Promise<void> {
  const {nodes, agents, clock, log} = options;
  const writer = createStatusWriter(options);
  let wake = Promise.withResolvers<void>();
  using stack = new DisposableStack();
  stack.use(agents.onChange(({uid}) => uid === undefined && wake.resolve()));
  stack.use(nodes.onChange(change => isNews(change) && wake.resolve()));

  const look = async (): Promise<void> => {
    const observed = await observeNodes(options, signal);
    const {next, conditions} = planRollout(observed, clock.now());
    for (const [name, condition] of conditions) {
      if (name !== next?.name) {
        await writer.write(name, condition);
      }
    }
    const node = next === undefined ? undefined : nodes.get(next.name);
    if (next !== undefined && node !== undefined) {
      await upgradeNode({...options, writer, node, isCanary: next.isCanary}, signal);
      wake.resolve();
    }
  };

  for (const node of nodes.list()) {
    if (findCondition(node.status?.conditions, agentUpToDate)?.reason === 'Upgrading' && !signal.aborted) {
      await finishInterrupted({...options, writer, node}, signal).catch(() => {});
    }
  }
  while (!signal.aborted) {
    wake = Promise.withResolvers();
    try {
      await look();
    } catch (error) {
      if (!signal.aborted && !isStorageError(error, 'Conflict')) {
        log.error({error}, 'agents could not be brought up to date');
      }
    }
    await Promise.race([wake.promise, clock.sleep(interval, signal)]).catch(() => {});
    await clock.sleep(coalesce, signal).catch(() => {});
  }
}

type Change = {
  readonly type: string;
  readonly object: Stored<'Node'>;
  readonly previous?: Stored<'Node'>;
};

/** Its status alone is none. */
function isNews({object, previous}: Change): boolean {
  return (
    previous === undefined ||
    previous.metadata.generation !== object.metadata.generation ||
    previous.metadata.annotations !== object.metadata.annotations
  );
}
