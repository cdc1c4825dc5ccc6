import type {ConditionStatement} from '../../api/v1alpha1/condition.ts';

/**
 * Whether a Node's agent is the one that this server brings. Reasons:
 * - `UpToDate`: it is.
 * - `ManagedElsewhere`: `agentCommand` is declared, so that whoever declared it upgrades it.
 * - `NoPackage`: this server has none for that machine.
 * - `UpgradePending`: it is upgraded when its turn comes: one node at a time, with nothing running on it.
 * - `Upgrading`: that is being done.
 * - `UpgradeFailed`: the new one did not come up; the node has gone back to the one before.
 * - `RolloutStopped`: another node's upgrade to the same version failed.
 */
export const agentUpToDate = 'AgentUpToDate';

export type RolloutReason =
  | 'UpToDate'
  | 'ManagedElsewhere'
  | 'NoPackage'
  | 'UpgradePending'
  | 'Upgrading'
  | 'UpgradeFailed'
  | 'RolloutStopped';

const statuses: Readonly<Record<RolloutReason, ConditionStatement['status']>> = {
  UpToDate: 'True',
  ManagedElsewhere: 'Unknown',
  NoPackage: 'Unknown',
  UpgradePending: 'False',
  Upgrading: 'False',
  UpgradeFailed: 'False',
  RolloutStopped: 'False',
};

export function agentCondition(reason: RolloutReason, message: string): ConditionStatement {
  return {type: agentUpToDate, status: statuses[reason], reason, message};
}
