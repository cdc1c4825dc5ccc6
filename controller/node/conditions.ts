import type {ConditionStatement} from '../../api/v1alpha1/condition.ts';

/**
 * The one condition of a Node. Reasons:
 * - `AgentReady`: the agent answers, and the backend of at least one declared provider is ready.
 * - `ProviderUnavailable`: the agent answers, but no declared provider has a backend that is ready.
 * - `Connecting`: the first attempt since the server started, or since the node changed, has not ended.
 * - `Unreachable`: it was not heard for longer than the heartbeat deadline.
 * - `HostKeyMissing`: no ssh host key is pinned, so that no connection is made.
 */
type Ready = (message: string) => ConditionStatement;

const type = 'Ready';

export const agentReady: Ready = message => ({type, status: 'True', reason: 'AgentReady', message});

export const providerUnavailable: Ready = message => ({
  type,
  status: 'False',
  reason: 'ProviderUnavailable',
  message,
});

export const connecting: Ready = message => ({type, status: 'Unknown', reason: 'Connecting', message});

export const unreachable: Ready = message => ({type, status: 'False', reason: 'Unreachable', message});

export const hostKeyMissing: Ready = message => ({type, status: 'False', reason: 'HostKeyMissing', message});
