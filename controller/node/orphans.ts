import type {Instance} from '../../api/agent/v1alpha1/instance.ts';

/** What one node has, and what is declared. Only given when both are known whole: view and cache are synced. */
export type OrphanSituation = {
  readonly instances: ReadonlyMap<string, Instance>;
  /** Whether there is a Workspace of this uid, wherever it is placed. */
  readonly isDeclared: (uid: string) => boolean;
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
};

export type OrphanPlan = {
  readonly removals: readonly OrphanRemoval[];
  /** To be given as `since` next time. */
  readonly since: ReadonlyMap<string, number>;
  /** Milliseconds until the next one is due; undefined when none waits. */
  readonly nextIn: number | undefined;
};

/**
 * Which instances that carry our mark may go: those that have had no Workspace for the grace, and those that were kept for the unsaved work in them
 * until their time is up. Nothing else, whatever it looks like.
 */
export function planOrphans({instances, isDeclared, since, now, grace}: OrphanSituation): OrphanPlan {
  const removals: OrphanRemoval[] = [];
  const nextSince = new Map<string, number>();
  const waits: number[] = [];

  for (const {uid, name, state, retired, operation} of instances.values()) {
    if (state === 'Missing' || isDeclared(uid)) {
      continue;
    }
    const first = since.get(uid) ?? now;
    nextSince.set(uid, first);
    const due = Math.max(first + grace, retired === undefined ? 0 : Date.parse(retired.until));
    if (due > now) {
      waits.push(due - now);
    } else if (operation === undefined) {
      removals.push({uid, name, mode: retired === undefined ? 'ifSaved' : 'always'});
    }
  }
  return {removals, since: nextSince, nextIn: waits.length === 0 ? undefined : Math.min(...waits)};
}
