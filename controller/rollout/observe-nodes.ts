import {upgradeAtAnnotation} from '../../api/v1alpha1/annotations.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {NodeView} from '../agent-client/agents.ts';
import {agentUpToDate} from './conditions.ts';
import type {RolloutNode} from './plan-rollout.ts';
import type {RolloutOptions} from './run-rollout.ts';

/** What the plan is made of, from the caches. */
export async function observeNodes(
  options: Pick<RolloutOptions, 'nodes' | 'workspaces' | 'agents' | 'upgrader'>,
  signal: AbortSignal,
): Promise<readonly RolloutNode[]> {
  const {nodes, workspaces, agents} = options;
  const observed: RolloutNode[] = [];
  for (const node of nodes.list()) {
    const {name} = node.metadata;
    const view = agents.view(name);
    const pending = findCondition(node.status?.conditions, agentUpToDate);
    const failed = node.status?.failedUpgrade;
    const requestedAt = Date.parse(node.metadata.annotations?.[upgradeAtAnnotation] ?? '');
    observed.push({
      name,
      connected: view?.connected === true && view.facts !== undefined,
      runs: view?.facts?.package?.id,
      wanted: await wantedOf(node, view, {...options, signal}),
      busy: [...(view?.instances.values() ?? [])].some(({operation}) => operation !== undefined),
      pendingSince: pending?.reason === 'UpgradePending' ? Date.parse(pending.lastTransitionTime) : undefined,
      workspaces: workspaces.byIndex('node', name).length,
      failed: failed === undefined ? undefined : {...failed, at: Date.parse(failed.at)},
      requestedAt: Number.isNaN(requestedAt) ? undefined : requestedAt,
    });
  }
  return observed;
}

async function wantedOf(
  node: Stored<'Node'>,
  view: NodeView | undefined,
  {upgrader, signal}: Pick<RolloutOptions, 'upgrader'> & {readonly signal: AbortSignal},
): Promise<RolloutNode['wanted']> {
  if (view?.facts === undefined) {
    return 'elsewhere';
  }
  try {
    const wanted = await upgrader.wanted(node, view.facts, signal);
    return wanted === undefined ? 'elsewhere' : {package: wanted};
  } catch (error) {
    signal.throwIfAborted();
    return {missing: error instanceof Error ? error.message : String(error)};
  }
}
