import type {AgentConnection} from '../../api/agent/v1alpha1/connection.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';

/**
 * Makes one connection to a node's agent; nothing above this port knows what carries it. Throws AgentError `Disconnected`, whose message tells
 * the user why. Once `signal` is aborted, an attempt ends and leaves nothing behind; a connection that was made is its owner's to dispose of.
 */
export type Connect = (node: Stored<'Node'>, signal: AbortSignal) => Promise<AgentConnection>;
