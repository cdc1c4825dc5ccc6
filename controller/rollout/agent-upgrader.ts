import type {NodeFacts} from '../../api/agent/v1alpha1/messages.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';

/** Brings the agents of nodes to this server's version. What it does lasts as long as it needs; each call may be repeated. */
export type AgentUpgrader = {
  /**
   * The package that the agent of this node should be of; undefined when that is not for Nexus to say, since `agentCommand` is declared. Throws an
   * error for people when there is none for that machine.
   */
  wanted(node: Stored<'Node'>, facts: NodeFacts, signal: AbortSignal): Promise<string | undefined>;
  /** Installs it and ends the agent that runs, so that the next connection starts the new one. Answers with its package. */
  upgrade(node: Stored<'Node'>, signal: AbortSignal): Promise<string>;
  /** Goes back to the version that ran before; undefined when none was kept. */
  rollBack(node: Stored<'Node'>, signal: AbortSignal): Promise<string | undefined>;
};
