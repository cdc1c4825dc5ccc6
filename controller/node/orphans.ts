import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';

/** What one node has, and what is declared. Only given when both are known whole: view and cache are synced. */
export type OrphanSituation = {
  readonly instances: ReadonlyMap<string, Instance>;
  /** Whether this instance belongs to a Workspace, or to a move of one. */
  readonly isDeclared: (instance: Instance) => boolean;
  /** By uid: when it was first seen without a Workspace. Milliseconds since 1970. */
  readonly since: ReadonlyMap<string, number>;
  readonly now: number;
  /** Milliseconds that an instance must have been without a Workspace. */
  readonly grace: number;
};

export type OrphanRemoval = {
  readonly uid: string;
  readonly name: string;
  /** `ifSaved` keeps what holds unsaved work; `always` only for what was kept long enough. */
  readonly mode: 'ifSaved' | 'always';
  /** It is the copy of this move, which nobody goes on with: only as such it may go. */
  readonly transfer?: string;
};

export type OrphanPlan = {
  readonly removals: readonly OrphanRemoval[];
  /** To be given as `since` next time. */
  readonly since: ReadonlyMap<string, number>;
  /** Milliseconds until the next one is due; undefined when none waits. */
  readonly nextIn: number | undefined;
};

/** Milliseconds for the copy of a move that is over: it was never anybody's, and takes room. */
const copyGrace = 30_000;

/**
 * Whether an instance on `node` belongs to one of these, the Workspaces of its uid. Where a Workspace has been moved away from, what is left is nobody's once
 * the move is over; a copy is somebody's only for as long as the move that made it.
 */
export function isOwned(
  {incoming}: Instance,
  node: string,
  workspaces: readonly Pick<Stored<'Workspace'>, 'status'>[],
): boolean {
  return workspaces.some(({status = {}}) => {
    const {migration, node: place} = status;
    return incoming === undefined
      ? place === undefined || place === node || migration?.source === node
      : migration?.transfer === incoming.transfer;
  });
}

/**
 * Which instances that carry our mark may go: those that have had no Workspace for the grace, and those that were kept for the unsaved work in them
 * until their time is up. Nothing else, whatever it looks like.
 */
export function planOrphans({instances, isDeclared, since, now, grace}: OrphanSituation): OrphanPlan {
  const removals: OrphanRemoval[] = [];
  const nextSince = new Map<string, number>();
  const waits: number[] = [];

  for (const instance of instances.values()) {
    const {uid, name, state, retired, operation, incoming} = instance;
    if (state === 'Missing' || isDeclared(instance)) {
      continue;
    }
    const first = since.get(uid) ?? now;
    nextSince.set(uid, first);
    const patience = incoming === undefined ? grace : Math.min(grace, copyGrace);
    const due = Math.max(first + patience, retired === undefined ? 0 : Date.parse(retired.until));
    if (due > now) {
      waits.push(due - now);
    } else if (operation === undefined) {
      removals.push({
        uid,
        name,
        mode: retired === undefined ? 'ifSaved' : 'always',
        ...(incoming !== undefined && {transfer: incoming.transfer}),
      });
    }
  }
  return {removals, since: nextSince, nextIn: waits.length === 0 ? undefined : Math.min(...waits)};
}
