import type {Stored} from '../v1alpha1/kinds.ts';
import type {NodeSpec} from '../v1alpha1/node.ts';
import type {SetupEvent} from './messages.ts';

/** Which machine, and what its owner has agreed to. */
export type SetupTarget = {
  readonly name: string;
  readonly address: string;
  readonly user: string;
  readonly port: number;
  /** Private key on the server's disk; the server's own by default. */
  readonly identityFile?: string;
  /** The host key that is pinned already. */
  readonly pinned?: string;
  /** The host key that somebody has compared and agreed to. */
  readonly accepted?: string;
  /** Whether the accepted key may take the place of another one that is pinned. */
  readonly replaceHostKey: boolean;
  readonly password?: string;
};

/** What the machine turned out to be: what is to be declared of its node. */
export type PreparedNode = Pick<NodeSpec, 'address' | 'user' | 'port'> & {
  readonly hostKey: string;
  readonly identityFile?: string;
};

export type SetupContext = {
  /** Told as it happens; never throws. */
  readonly report: (event: SetupEvent) => void;
  readonly signal: AbortSignal;
};

/**
 * Makes nodes of machines that are reached by ssh, and looks what is wrong with those that are. Steps are told through `report`; one that fails is told, too,
 * and is no fault. Everything may be cut off at any instant and done again: what is there already is left as it is. Rejects with the reason of the signal.
 */
export type NodeSetup = {
  /** Checks the machine and puts everything there that a node needs. Undefined when a step failed. Throws StorageError `Conflict` while another setup of it is under way. */
  prepare(target: SetupTarget, context: SetupContext): Promise<PreparedNode | undefined>;
  /** Waits until the controller hears its agent, with a provider that can be used. */
  awaitReady(node: Stored<'Node'>, context: SetupContext): Promise<boolean>;
  /** Every check of {@link prepare} on a node that is there, changing nothing. */
  test(node: Stored<'Node'>, context: SetupContext): Promise<boolean>;
  /** Names of instances there, of whatever age; undefined while its agent is not heard. */
  instancesOn(node: string): Promise<readonly string[] | undefined>;
  /** Takes everything away that {@link prepare} has put there, with all instances; the server's key last. The node must have been forgotten before. */
  purge(node: Stored<'Node'>, context: SetupContext): Promise<boolean>;
};
