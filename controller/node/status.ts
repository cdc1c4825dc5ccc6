import {heartbeatDeadline, heartbeatInterval} from '../../api/agent/v1alpha1/messages.ts';
import {timestampAt} from '../../api/effects/clock.ts';
import type {ConditionStatement} from '../../api/v1alpha1/condition.ts';
import {setCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {NodeStatus} from '../../api/v1alpha1/node.ts';
import type {NodeView} from '../agent-client/agents.ts';
import {canonicalJson} from '../workspace/hashes.ts';
import {agentReady, connecting, hostKeyMissing, providerUnavailable, unreachable} from './conditions.ts';

/** What a Node's status derives from. */
export type NodeObservation = {
  readonly view: NodeView | undefined;
  /** Workspaces that are placed on it. */
  readonly workspaces: number;
  /** Milliseconds since 1970. */
  readonly now: number;
};

/** Milliseconds between writes of a status in which nothing but the heartbeat and what always changes has changed. */
export const heartbeatWriteInterval = 60_000;

/** Whether a connection to the node may be attempted. */
export function isReachable({spec}: Stored<'Node'>): boolean {
  return spec.local || spec.hostKey !== undefined;
}

export function nodeStatusOf(node: Stored<'Node'>, observation: NodeObservation): NodeStatus {
  const {view, workspaces, now} = observation;
  const {status: {agentPackage: lastPackage, ...previous} = {}} = node;
  const facts = view?.facts;
  const ready = readyOf(node, observation);
  return {
    ...previous,
    observedGeneration: node.metadata.generation,
    conditions:
      ready === undefined
        ? (previous.conditions ?? [])
        : setCondition(
            previous.conditions ?? [],
            {...ready, observedGeneration: node.metadata.generation},
            timestampAt(now),
          ),
    workspaces,
    ...(facts === undefined && lastPackage !== undefined ? {agentPackage: lastPackage} : {}),
    ...(view?.heardAt === undefined ? {} : {heartbeatAt: timestampAt(view.heardAt)}),
    ...(facts === undefined
      ? {}
      : {
          agentVersion: facts.agentVersion,
          ...(facts.package === undefined ? {} : {agentPackage: facts.package.id}),
          bootId: facts.bootId,
          providers: facts.providers,
          capacity: facts.capacity,
          allocatable: facts.allocatable,
          portsInUse: facts.portsInUse,
        }),
  };
}

/** Undefined when there is nothing new to say: a connection that was lost a moment ago may be back in another. */
function readyOf(node: Stored<'Node'>, {view, now}: NodeObservation): ConditionStatement | undefined {
  const {name} = node.metadata;
  if (!isReachable(node)) {
    return hostKeyMissing(
      `No ssh host key is pinned for ${name}, so it is not connected to. Remove it and add it again with: nexus node add ${name} ${node.spec.address}`,
    );
  }
  if (view?.connected) {
    return providersOf(node, view);
  }
  if (view?.heardAt !== undefined && now - view.heardAt < heartbeatDeadline) {
    return undefined;
  }
  const heardAt = view?.heardAt === undefined ? node.status?.heartbeatAt : timestampAt(view.heardAt);
  const lastHeard = heardAt === undefined ? 'It was never heard.' : `It was last heard at ${heardAt}.`;
  return view?.lastError === undefined
    ? connecting(`Connecting to the agent on ${name}. ${lastHeard}`)
    : unreachable(`The agent on ${name} does not answer: ${view.lastError}. ${lastHeard}`);
}

function providersOf({metadata: {name}, spec}: Stored<'Node'>, {facts}: NodeView): ConditionStatement {
  const found = (facts?.providers ?? []).filter(({name}) => spec.providers?.includes(name) !== false);
  const ready = found.filter(provider => provider.ready);
  if (ready.length > 0) {
    const backends = ready.map(({backend, version}) => `${backend} ${version}`).join(', ');
    return agentReady(`The agent on ${name} answers; ready: ${backends}.`);
  }
  const wanting = (spec.providers ?? found.map(({name}) => name)).map(provider => {
    const message = found.find(({name}) => name === provider)?.message ?? 'its agent has no backend for it';
    return `${provider}: ${message}`;
  });
  if (wanting.length === 0) {
    return providerUnavailable(
      `The agent on ${name} answers, but there is no LXD, Incus, Docker or QEMU on that machine. Install one; it is noticed by itself.`,
    );
  }
  return providerUnavailable(
    `The agent on ${name} answers, but nothing there can run workspaces (${wanting.join('; ')}). Look with: nexus doctor`,
  );
}

/**
 * Whether `next` is worth a write: when it says something new, or when what always changes (heartbeat, free resources, number of workspaces) is older
 * than {@link heartbeatWriteInterval}.
 */
export function isWorthWriting(previous: NodeStatus | undefined, next: NodeStatus): boolean {
  if (previous === undefined || canonicalJson(news(previous)) !== canonicalJson(news(next))) {
    return true;
  }
  if (next.heartbeatAt === undefined) {
    return false;
  }
  return (
    Date.parse(next.heartbeatAt) - Date.parse(previous.heartbeatAt ?? '1970-01-01') >= heartbeatWriteInterval
  );
}

function news({heartbeatAt: _h, allocatable: _a, workspaces: _w, providers, ...rest}: NodeStatus) {
  return {...rest, providers: providers?.map(({allocatable: _free, ...provider}) => provider)};
}

/** Milliseconds after which the status must be looked at again though nothing happens; undefined when never. */
export function nextLook(node: Stored<'Node'>, {view, now}: NodeObservation): number | undefined {
  if (view === undefined || view.heardAt === undefined) {
    return undefined;
  }
  if (!view.connected) {
    const left = view.heardAt + heartbeatDeadline - now;
    return left > 0 ? left : undefined;
  }
  const written = Date.parse(node.status?.heartbeatAt ?? '1970-01-01');
  // A heartbeat later, so that the one that makes the write due has come.
  return Math.max(1000, written + heartbeatWriteInterval + heartbeatInterval - now);
}
