import type {Clock} from '../../api/effects/clock.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Agents} from '../agent-client/agents.ts';
import type {CacheChange, IndexFunction} from '../informer/cache.ts';
import type {Informer} from '../informer/informer.ts';
import type {Copies} from './copies.ts';
import {canonicalJson} from './hashes.ts';
import {isWithin, reservationOf, wantedReservation} from './room.ts';

export type WorkspaceIndex = 'uid' | 'node' | 'owner' | 'waiting' | 'moving';

/** How workspaces are found by the reconciler and its watches; for the informer that they are read from. */
export const workspaceIndexes: Readonly<Record<WorkspaceIndex, IndexFunction<'Workspace'>>> = {
  uid: ({metadata}) => [metadata.uid],
  node: ({status}) => (status?.node === undefined ? [] : [status.node]),
  owner: ({spec}) => [spec.owner],
  /** By both nodes of a move. */
  moving: ({status}) =>
    status?.migration === undefined ? [] : [status.migration.source, status.migration.target],
  waiting: workspace => (isWaiting(workspace) ? [waiting] : []),
};

export type UserIndex = 'sshKey';

/** How users are found by a key of theirs, given as base64 without type and comment. */
export const userIndexes: Readonly<Record<UserIndex, IndexFunction<'User'>>> = {
  sshKey: ({spec}) =>
    // The same bytes can be written in several ways.
    spec.sshKeys.map(({publicKey}) =>
      Buffer.from(publicKey.split(' ')[1] ?? '', 'base64').toString('base64'),
    ),
};

/** The one value of the index `waiting`: for a node, for a port, or for room. */
export const waiting = 'waiting';

type Reader<K extends 'Workspace' | 'Node' | 'User', I extends string> = Pick<
  Informer<K, I>,
  'get' | 'list' | 'byIndex' | 'observe' | 'onChange' | 'hasSynced'
>;

export type WorkspaceCache = Reader<'Workspace', WorkspaceIndex>;
export type NodeCache = Omit<Reader<'Node', never>, 'byIndex'>;
export type UserCache = Omit<Reader<'User', never>, 'byIndex'>;

export type WatchOptions = {
  readonly workspaces: WorkspaceCache;
  readonly nodes: NodeCache;
  readonly users: UserCache;
  readonly agents: Pick<Agents, 'onChange'>;
  readonly copies: Pick<Copies, 'onEnd'>;
  readonly clock: Clock;
  /** What this controller wrote itself. */
  readonly ownWrites: Pick<WeakSet<Stored<'Workspace'>>, 'has'>;
  /** Takes the name of a workspace. */
  readonly enqueue: (key: string) => void;
};

/**
 * Milliseconds until a status that somebody else wrote is looked at: while two servers overlap, each corrects the other, and at once would be
 * without end.
 */
const correctionDelay = 5000;

/** Brings every change that may matter to a workspace to its reconciler. Dispose of the result to stop. */
export function watchForWorkspaces(options: WatchOptions): Disposable {
  const {workspaces, nodes, users, agents, copies, ownWrites, clock, enqueue} = options;
  const enqueueAll = (found: readonly Stored<'Workspace'>[]) => {
    for (const {metadata} of found) {
      enqueue(metadata.name);
    }
  };
  const enqueueWaiting = () => {
    enqueueAll(workspaces.byIndex('waiting', waiting));
    // What is still on a drained node waits for a place elsewhere, or for its turn.
    for (const {metadata, spec} of nodes.list()) {
      if (spec.drain !== undefined) {
        enqueueAll(workspaces.byIndex('node', metadata.name));
      }
    }
  };

  const watches = new DisposableStack();
  const corrections = new Map<string, Disposable>();
  watches.defer(() => {
    for (const correction of corrections.values()) {
      correction[Symbol.dispose]();
    }
  });
  const correctLater = (name: string) => {
    if (!corrections.has(name)) {
      const correction = clock.schedule(correctionDelay, () => {
        corrections.delete(name);
        enqueue(name);
      });
      corrections.set(name, correction);
    }
  };
  watches.use(
    workspaces.onChange(change => {
      const {name} = change.object.metadata;
      if (concernsItself(change)) {
        enqueue(name);
      } else if (!ownWrites.has(change.object)) {
        correctLater(name);
      }

      if (makesRoom(change)) {
        enqueueWaiting();
      }
    }),
  );
  watches.use(
    nodes.onChange(change => {
      if (change.type !== 'MODIFIED' || gist(change.object) !== gist(change.previous)) {
        enqueueAll(workspaces.byIndex('node', change.object.metadata.name));
        enqueueWaiting();
      } else if (room(change.object) !== room(change.previous)) {
        enqueueWaiting();
      }
    }),
  );
  watches.use(
    users.onChange(change => {
      if (change.type !== 'MODIFIED' || isRespecified(change)) {
        enqueueAll(workspaces.byIndex('owner', change.object.metadata.name));
      }
    }),
  );
  watches.use(
    agents.onChange(({node, uid}) => {
      if (uid === undefined) {
        enqueueAll(workspaces.byIndex('node', node));
        enqueueAll(workspaces.byIndex('moving', node));
        enqueueWaiting();
      } else {
        enqueueAll(workspaces.byIndex('uid', uid));
      }
    }),
  );
  watches.use(copies.onEnd(uid => enqueueAll(workspaces.byIndex('uid', uid))));
  return watches;
}

/** Of its own writes, those of status alone are no news to the reconciler. What another server, or a person, wrote there is. */
function concernsItself(change: CacheChange<'Workspace'>): boolean {
  return (
    change.type !== 'MODIFIED' || isRespecified(change) || metadataOf(change) !== previousMetadataOf(change)
  );
}

function isRespecified(change: Extract<CacheChange<'Workspace'> | CacheChange<'User'>, {type: 'MODIFIED'}>) {
  const {object, previous} = change;
  return (
    object.metadata.generation !== previous.metadata.generation ||
    object.metadata.uid !== previous.metadata.uid
  );
}

function metadataOf({object}: CacheChange<'Workspace'>): string {
  return relevantMetadata(object);
}

function previousMetadataOf({previous}: Extract<CacheChange<'Workspace'>, {type: 'MODIFIED'}>): string {
  return relevantMetadata(previous);
}

function relevantMetadata({metadata}: Stored<'Workspace'>): string {
  const {annotations, finalizers, deletionTimestamp} = metadata;
  return canonicalJson([annotations ?? {}, finalizers ?? [], deletionTimestamp ?? '']);
}

/** Whether it leaves something to others: its place, a port, or what was set aside for it. */
function makesRoom(change: CacheChange<'Workspace'>): boolean {
  switch (change.type) {
    case 'ADDED':
      return false;
    case 'DELETED':
      return true;
    case 'MODIFIED': {
      const before = change.previous.status ?? {};
      const after = change.object.status ?? {};
      const held = new Set(after.ports?.map(({nodePort}) => nodePort));
      return (
        before.node !== after.node ||
        (before.ports ?? []).some(({nodePort}) => !held.has(nodePort)) ||
        !isWithin(reservationOf(change.previous.spec, before), reservationOf(change.object.spec, after))
      );
    }
  }
}

/** What a Node has for workspaces: of interest to those that wait. */
function room({status}: Stored<'Node'>): string {
  return canonicalJson([status?.capacity ?? {}, status?.allocatable ?? {}]);
}

/** What of a Node matters to workspaces: not its heartbeats. */
function gist({metadata, status}: Stored<'Node'>): string {
  const ready = findCondition(status?.conditions, 'Ready');
  return canonicalJson([
    metadata.generation,
    metadata.labels ?? {},
    metadata.deletionTimestamp ?? '',
    ready?.status ?? '',
  ]);
}

function isWaiting({metadata, spec, status}: Stored<'Workspace'>): boolean {
  if (metadata.deletionTimestamp !== undefined) {
    return false;
  }

  if (status?.node === undefined) {
    return spec.running;
  }

  const reason = findCondition(status.conditions, 'PortsAllocated')?.reason;
  return (
    reason === 'PortsExhausted' ||
    reason === 'GatewayOnly' ||
    !isWithin(wantedReservation(spec), reservationOf(spec, status))
  );
}
