import type {ConditionStatement} from '../../api/v1alpha1/condition.ts';
import {agentCondition} from './conditions.ts';

/** A node as the rollout sees it. Times in milliseconds since 1970. */
export type RolloutNode = {
  readonly name: string;
  readonly connected: boolean;
  /** The package that its agent was started from; undefined of one of the first release. */
  readonly runs: string | undefined;
  readonly wanted:
    | {readonly package: string}
    /** It is not for Nexus to say. */
    | 'elsewhere'
    /** There is none for it, and why. */
    | {readonly missing: string};
  /** Something runs on it that an agent which is started anew would have to begin again. */
  readonly busy: boolean;
  /** Since when it has waited; undefined when it does not yet. */
  readonly pendingSince: number | undefined;
  readonly workspaces: number;
  readonly failed: {readonly package: string; readonly at: number; readonly message: string} | undefined;
  /** When somebody asked for it. */
  readonly requestedAt: number | undefined;
};

export type RolloutPlan = {
  /** Whose turn it is. */
  readonly next: {readonly name: string; readonly isCanary: boolean} | undefined;
  /** By name; nothing for a node of which nothing is known. */
  readonly conditions: ReadonlyMap<string, ConditionStatement>;
};

/** Milliseconds that a node may be too busy; then it is upgraded all the same, since what is interrupted is begun again. */
export const busyLimit = 3_600_000;

/**
 * One node at a time; first the one with the fewest workspaces, as a canary: as long as no other has the new version, and whenever a failure was the last
 * that happened to a version, nobody else follows. Whatever somebody asks for comes first, and is not held up by anything.
 */
export function planRollout(nodes: readonly RolloutNode[], now: number): RolloutPlan {
  const conditions = new Map<string, ConditionStatement>();
  const ready: RolloutNode[] = [];
  for (const node of nodes.filter(({connected}) => connected)) {
    const stated = settled(node) ?? stopped(node, nodes) ?? waiting(node, now);
    if (stated === undefined) {
      ready.push(node);
    }
    conditions.set(node.name, stated ?? pending(node, 'its turn comes next: one node at a time'));
  }
  const [first] = ready.toSorted(
    (one, other) =>
      Number(isRequested(other)) - Number(isRequested(one)) ||
      one.workspaces - other.workspaces ||
      (one.name < other.name ? -1 : 1),
  );
  const isCanary = first !== undefined && !nodes.some(node => node.runs === wantedOf(first));
  return {next: first === undefined ? undefined : {name: first.name, isCanary}, conditions};
}

function settled(node: RolloutNode): ConditionStatement | undefined {
  const {name, runs, wanted} = node;
  if (wanted === 'elsewhere') {
    return agentCondition(
      'ManagedElsewhere',
      `The agent on ${name} is started by the declared agentCommand: Nexus leaves its upgrades to whoever declared that.`,
    );
  }
  if ('missing' in wanted) {
    return agentCondition('NoPackage', `The agent on ${name} can not be upgraded: ${wanted.missing}`);
  }
  if (runs === wanted.package) {
    return agentCondition('UpToDate', `The agent on ${name} is ${runs}, which this server brings.`);
  }
  return undefined;
}

function stopped(node: RolloutNode, nodes: readonly RolloutNode[]): ConditionStatement | undefined {
  const wanted = wantedOf(node);
  if (isRequested(node)) {
    return undefined;
  }
  if (node.failed !== undefined && node.failed.package === wanted) {
    return agentCondition(
      'UpgradeFailed',
      `The agent on ${node.name} could not be upgraded to ${wanted}: ${node.failed.message} Try again with: nexus node upgrade ${node.name}`,
    );
  }
  const other = nodes.find(({failed}) => failed !== undefined && failed.package === wanted);
  return other === undefined
    ? undefined
    : agentCondition(
        'RolloutStopped',
        `The agent on ${node.name} is not upgraded to ${wanted}, since that failed on ${other.name}. Once it has succeeded there (nexus node upgrade ${other.name}) it goes on by itself.`,
      );
}

function waiting(node: RolloutNode, now: number): ConditionStatement | undefined {
  const hasWaited = node.pendingSince !== undefined && now - node.pendingSince >= busyLimit;
  return node.busy && !isRequested(node) && !hasWaited
    ? pending(node, 'something runs on it; it is upgraded once that has ended, or after an hour')
    : undefined;
}

function pending(node: RolloutNode, why: string): ConditionStatement {
  const {name, runs} = node;
  return agentCondition(
    'UpgradePending',
    `The agent on ${name} is ${runs ?? 'of an earlier release'} and will be upgraded to ${wantedOf(node)}: ${why}.`,
  );
}

/** Somebody asked for it, and it has not failed since. */
function isRequested({requestedAt, failed}: RolloutNode): boolean {
  return requestedAt !== undefined && (failed === undefined || failed.at < requestedAt);
}

function wantedOf({wanted}: RolloutNode): string | undefined {
  return typeof wanted === 'object' && 'package' in wanted ? wanted.package : undefined;
}
