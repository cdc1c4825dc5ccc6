import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {Provider} from '../../api/v1alpha1/workspace.ts';
import type {NodeView, ProviderEvidence} from '../agent-client/agents.ts';

/** What can be said now about a workspace's instance. Only `Absent` and `Present` are evidence to act on. */
export type Sight =
  /** Not placed on a node yet. */
  | {readonly kind: 'Unplaced'}
  /** `last` is what the agent says of an attempt to create it, if anything. */
  | {readonly kind: 'Absent'; readonly nodeTime: number; readonly last?: Instance}
  | {readonly kind: 'Present'; readonly nodeTime: number; readonly instance: Instance}
  /** The node is silent, but not yet for so long that what was last seen of it is void. `expiresAt`: when it will be. */
  | {readonly kind: 'Quiet'; readonly expiresAt: number; readonly last?: Instance}
  | {readonly kind: 'Unknown'; readonly cause: UnknownCause; readonly last?: Instance};

export type UnknownCause =
  /** The Node object is gone from the store. */
  | {readonly type: 'NodeRemoved'; readonly node: string}
  | {
      readonly type: 'NodeUnreachable';
      readonly node: string;
      /** Milliseconds since 1970; undefined when it was never heard since this controller started. */
      readonly heardAt?: number;
      readonly error?: string;
    };

export type SightOptions = {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** When this controller began to listen: silence before it proves nothing. */
  readonly listeningSince: number;
  /** Milliseconds of silence after which the last evidence is void. */
  readonly heartbeatDeadline: number;
};

/** Whether the node answers, with some backend that is ready: what may be placed on. */
export function isCurrent(view: NodeView | undefined, options: SightOptions): boolean {
  return (
    view?.connected === true &&
    view.synced &&
    view.heardAt !== undefined &&
    options.now - view.heardAt <= options.heartbeatDeadline
  );
}

/** What is asked about: an instance, and where it should be. */
export type SightTarget = {
  readonly uid: string;
  readonly provider: Provider;
  readonly node: {readonly name: string; readonly exists: boolean; readonly view: NodeView | undefined};
};

/** The instance as its node shows it; evidence only while the backend of its own provider is heard of. `exists`: whether the store has that Node. */
export function sightOf({uid, provider, node}: SightTarget, options: SightOptions): Sight {
  const {view} = node;
  const last = view?.instances.get(uid);
  const seen = last !== undefined && {last};
  if (!node.exists) {
    return {kind: 'Unknown', cause: {type: 'NodeRemoved', node: node.name}, ...seen};
  }

  const evidence = view?.providers.get(provider);
  if (view !== undefined && isCurrent(view, options) && isFresh(evidence, options)) {
    const nodeTime = timeOn(view, options.now);
    return last === undefined || last.state === 'Missing'
      ? {kind: 'Absent', nodeTime, ...seen}
      : {kind: 'Present', nodeTime, instance: last};
  }

  const expiresAt = Math.max(evidence?.readyAt ?? 0, options.listeningSince) + options.heartbeatDeadline;
  const error = view === undefined ? undefined : silenceOf(view, provider);
  return options.now <= expiresAt
    ? {kind: 'Quiet', expiresAt, ...seen}
    : {
        kind: 'Unknown',
        cause: {
          type: 'NodeUnreachable',
          node: node.name,
          ...(evidence !== undefined && {heardAt: evidence.readyAt}),
          ...(error !== undefined && {error}),
        },
        ...seen,
      };
}

/** Whether all that a backend holds has been told, and not too long ago. */
function isFresh(evidence: ProviderEvidence | undefined, {now, heartbeatDeadline}: SightOptions): boolean {
  return evidence?.told === true && now - evidence.readyAt <= heartbeatDeadline;
}

/** Why nothing is heard: no connection, or an agent whose backend is not ready. */
function silenceOf({connected, lastError, facts}: NodeView, provider: Provider): string | undefined {
  if (!connected || facts === undefined) {
    return lastError;
  }

  const found = facts.providers.find(({name}) => name === provider);
  return found === undefined ? `it has no backend for provider ${provider}` : found.message;
}

/** The instance that may be acted on, if there is one. */
export function instanceOf(sight: Sight): Instance | undefined {
  return sight.kind === 'Present' ? sight.instance : undefined;
}

/** Whether what it says is so now, and may be acted on. */
export function isEvidence(sight: Sight): boolean {
  return sight.kind === 'Present' || sight.kind === 'Absent';
}

/** The last report, however old: of an instance, or of the attempt to create one. */
export function lastReport(sight: Sight): Instance | undefined {
  switch (sight.kind) {
    case 'Unplaced':
      return undefined;
    case 'Present':
      return sight.instance;
    default:
      return sight.last;
  }
}

/** The node's own clock, so that ages of what it reports don't depend on its agreeing with ours. Behind by at most a heartbeat. */
function timeOn(view: NodeView, now: number): number {
  return view.facts === undefined || view.heardAt === undefined
    ? now
    : Date.parse(view.facts.time) + Math.max(0, now - view.heardAt);
}
