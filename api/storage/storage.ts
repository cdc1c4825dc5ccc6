import type {Kind, ResourceByKind, Stored} from '../v1alpha1/kinds.ts';

/** An object to be stored: what the store writes itself may be missing. */
export type Unstored<K extends Kind> = ResourceByKind[K];

/** All parts must match. Field paths are dotted, such as `spec.regarding.uid` or `metadata.name`; values are compared as text. */
export type Selector = {
  readonly labels?: readonly LabelRequirement[];
  readonly fields?: Readonly<Record<string, string>>;
};

export type LabelRequirement =
  | {readonly key: string; readonly operator: 'In' | 'NotIn'; readonly values: readonly string[]}
  | {readonly key: string; readonly operator: 'Exists' | 'DoesNotExist'};

export type ListOptions = Selector & {
  /** At most so many; the rest by `continue`, of the same revision. */
  readonly limit?: number;
  readonly continue?: string;
};

export type ListResult<K extends Kind> = {
  readonly items: readonly Stored<K>[];
  /** To watch from without missing or repeating a change. */
  readonly resourceVersion: string;
  /** Present when there are more. */
  readonly continue?: string;
  readonly remainingItemCount?: number;
};

export type WatchEvent<K extends Kind> =
  | {readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Stored<K>}
  /** Nothing of interest has happened up to this revision. */
  | {readonly type: 'BOOKMARK'; readonly resourceVersion: string};

export type WatchOptions = Selector & {
  /** Events after this revision; without it, events from now on. Throws `Expired` when it is no longer retained. */
  readonly resourceVersion?: string;
  readonly signal: AbortSignal;
};

export type WriteOptions = {
  /** Does all checks, changes nothing, returns what would be stored. */
  readonly dryRun?: boolean;
};

export type StatusWriteOptions = WriteOptions & {
  /** Who owns what of the object from then on, written with its status. Where Kubernetes keeps account of that, it is left to it. */
  readonly managedFields?: readonly unknown[];
};

export type Preconditions = {readonly uid?: string; readonly resourceVersion?: string};

/** One past state of an object. */
export type Revision<K extends Kind> = {
  readonly resourceVersion: string;
  readonly time: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Stored<K>;
};

/**
 * The one port to the truth. Guarantees of every adapter, held by `test/contracts/storage-contract.ts`:
 *
 * - A write that was acknowledged is durable; one that was not has happened whole or not at all. When the power goes, the latest Events may be
 *   lost, and nothing else.
 * - `resourceVersion` changes with every write of an object and no other time. A write that would change nothing writes
 *   nothing and returns the object as it is. A stale `metadata.resourceVersion` is refused with `Conflict`; none means "whatever is there".
 * - `update` ignores `status`; `updateStatus` changes nothing else. `generation` grows by one exactly when spec changes.
 * - `delete` removes at once when no finalizer holds; else it sets `deletionTimestamp` once, and the object goes with
 *   the update that empties `finalizers`. Finalizers can't be added once deletion was asked for.
 * - `create` sets uid (unless one is given, as restore and import do), generation 1, creationTimestamp. A given status is stored.
 * - Watch delivers every change after its revision once, in order, with the object as it was then; an object that comes to match the selector is
 *   ADDED, one that ceases to is DELETED. It ends only by its signal or by throwing (`Expired` when its reader is too slow).
 * - No two workspaces hold the same `status.ports[].nodePort` on the same `status.node`: the later write is refused with `Conflict`.
 */
export type Storage = AsyncDisposable & {
  get<K extends Kind>(kind: K, name: string): Promise<Stored<K>>;
  list<K extends Kind>(kind: K, options?: ListOptions): Promise<ListResult<K>>;
  create<K extends Kind>(kind: K, object: Unstored<K>, options?: WriteOptions): Promise<Stored<K>>;
  update<K extends Kind>(kind: K, object: Unstored<K>, options?: WriteOptions): Promise<Stored<K>>;
  updateStatus<K extends Kind>(
    kind: K,
    object: Unstored<K>,
    options?: StatusWriteOptions,
  ): Promise<Stored<K>>;
  /** Resolves to the object as it was last: removed, or with its deletionTimestamp while finalizers hold it. */
  delete<K extends Kind>(
    kind: K,
    name: string,
    options?: WriteOptions & {preconditions?: Preconditions},
  ): Promise<Stored<K>>;
  watch<K extends Kind>(kind: K, options: WatchOptions): AsyncIterable<WatchEvent<K>>;
  /** Past states that are still retained, oldest first; also of an object that is gone. */
  history<K extends Kind>(kind: K, name: string): Promise<readonly Revision<K>[]>;
  /** A number larger than any that this store gave before: the epoch of a new leader. Durable before it is returned. */
  beginEpoch(): Promise<number>;
  /** Resolves when the store answers; throws what is wrong with it. */
  ping(): Promise<void>;
};
