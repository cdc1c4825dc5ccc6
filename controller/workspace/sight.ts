import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {NodeView} from '../agent-client/agents.ts';

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

/** Whether everything on this node is known, and how fresh: what may be acted on. */
export function isCurrent(view: NodeView | undefined, options: SightOptions): boolean {
  return (
    view?.connected === true &&
    view.synced &&
    view.heardAt !== undefined &&
    options.now - view.heardAt <= options.heartbeatDeadline
  );
}

/** The instance `uid` as `node` shows it. `nodeExists`: whether the store has a Node of that name. */
export function sightOf(
  uid: string,
  node: {readonly name: string; readonly exists: boolean; readonly view: NodeView | undefined},
  options: SightOptions,
): Sight {
  const {view} = node;
  const last = view?.instances.get(uid);
  const seen = last !== undefined && {last};
  if (!node.exists) {
    return {kind: 'Unknown', cause: {type: 'NodeRemoved', node: node.name}, ...seen};
  }

  if (view !== undefined && isCurrent(view, options)) {
    const nodeTime = timeOn(view, options.now);
    return last === undefined || last.state === 'Missing'
      ? {kind: 'Absent', nodeTime, ...seen}
      : {kind: 'Present', nodeTime, instance: last};
  }

  const expiresAt = Math.max(view?.heardAt ?? 0, options.listeningSince) + options.heartbeatDeadline;
  const error = view === undefined ? undefined : silenceOf(view);
  return options.now <= expiresAt
    ? {kind: 'Quiet', expiresAt, ...seen}
    : {
        kind: 'Unknown',
        cause: {
          type: 'NodeUnreachable',
          node: node.name,
          ...(view?.heardAt !== undefined && {heardAt: view.heardAt}),
          ...(error !== undefined && {error}),
        },
        ...seen,
      };
}

/** Why nothing is heard: no connection, or an agent whose backends are not ready. */
function silenceOf({connected, lastError, facts}: NodeView): string | undefined {
  return connected ? facts?.providers.find(({ready}) => !ready)?.message : lastError;
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
