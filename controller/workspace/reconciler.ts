import {heartbeatDeadline} from '../../api/agent/v1alpha1/messages.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import type {EventRecorder} from '../../api/storage/event-recorder.ts';
import type {Storage} from '../../api/storage/storage.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {WorkspaceStatus} from '../../api/v1alpha1/workspace.ts';
import type {Agents} from '../agent-client/agents.ts';
import type {Reconcile, ReconcileResult} from '../manager/reconcile.ts';
import {needsFreshSight} from './action.ts';
import type {Actuator} from './actuator.ts';
import type {Cluster} from './cluster.ts';
import type {Copies} from './copies.ts';
import type {ReadConfiguration} from './desired.ts';
import {createDesiredCache} from './desired-cache.ts';
import type {FailureBook} from './failures.ts';
import {closeBook, openBook, reviewBook} from './failures.ts';
import {held, letGo, releaseHappening} from './finalizer.ts';
import type {Happening} from './happenings.ts';
import {driftOf, portTransitions, transitionsOf} from './happenings.ts';
import {createSpecCheck, invalidStatus} from './invalid-spec.ts';
import type {Movement} from './movement.ts';
import type {Observation} from './observation.ts';
import {createObserve} from './observation.ts';
import {withPlace} from './placement.ts';
import type {Plan} from './plan.ts';
import {plan} from './plan.ts';
import {createRound} from './round.ts';
import type {SightOptions} from './sight.ts';
import type {Release} from './situation.ts';
import type {GatewayPlace} from './status.ts';
import {isWorthWriting, statusOf} from './status.ts';
import {usurpation} from './usurper.ts';
import type {NodeCache, UserCache, WorkspaceCache} from './watches.ts';
import {createWriter} from './writer.ts';

export type ReconcilerOptions = {
  readonly storage: Pick<Storage, 'get' | 'update' | 'updateStatus'>;
  readonly workspaces: WorkspaceCache;
  readonly nodes: NodeCache;
  readonly users: UserCache;
  readonly agents: Pick<Agents, 'view'>;
  readonly actuator: Actuator;
  readonly copies: Pick<Copies, 'view' | 'end'>;
  readonly cluster: Cluster;
  readonly recorder: EventRecorder;
  /** See {@link createWriter}. */
  readonly ownWrites: WeakSet<Stored<'Workspace'>>;
  readonly readConfiguration: ReadConfiguration;
  /** The server's, if it has one. */
  readonly gateway?: GatewayPlace;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
};

/** Rounds of acting and looking in one reconcile; what needs more goes on in the next. */
const maximumRounds = 12;

/** Milliseconds between looks whether a uid is claimed by several still. */
const usurpedInterval = 30_000;

/** Where a reconcile stands when nothing more can be done now. */
type Outcome = Observation & {
  readonly book: FailureBook;
  readonly plan: Plan;
  readonly requeueAfter: number | undefined;
};

/**
 * Brings one workspace closer to its spec: places it, asks its node for what is safe now, looks again, until nothing is left or
 * something has to be waited for; then writes status, once, if it says something new. Acts on nothing before everything it
 * decides by has been heard.
 */
export function createWorkspaceReconciler(options: ReconcilerOptions): Reconcile {
  const {workspaces, nodes, users, cluster, copies, recorder, gateway, clock, random} = options;
  const writer = createWriter(options);
  const desires = createDesiredCache(options.readConfiguration);
  const problemOf = createSpecCheck();
  const listeningSince = clock.now();
  const performRound = createRound(options);

  const sightOptions = (): SightOptions => ({now: clock.now(), listeningSince, heartbeatDeadline});
  const bookOptions = () => ({now: clock.now(), jitter: random.fraction()});

  const observe = createObserve({...options, desires, sightOptions});

  const record = async (workspace: Stored<'Workspace'>, happenings: readonly Happening[]) => {
    const {name, uid} = workspace.metadata;
    for (const happening of happenings) {
      await recorder.record({regarding: {kind: 'Workspace', name, uid}, ...happening});
    }
  };

  /**
   * Places it where that is called for, and takes the steps of a move that are writes of status, until none is due. What a write takes is reserved while
   * it is under way.
   */
  const place = async (first: Stored<'Workspace'>): Promise<Observation> => {
    let observation = observe(first);
    for (;;) {
      const {workspace, placement, movement} = observation;
      const before = workspace.status ?? {};
      if (movement.kind === 'Changed') {
        using held = new DisposableStack();
        if (movement.place !== undefined) {
          held.use(cluster.reserve(workspace, movement.place));
        }

        const moved = await writer.writeStatus(workspace, movement.status);
        await record(moved, movement.happenings);
        if (before.migration !== undefined && movement.status.migration?.phase !== 'Copying') {
          copies.end(before.migration.transfer);
        }

        observation = observe(moved);
      } else if (placement.kind === 'Changed') {
        using _place = cluster.reserve(workspace, placement);
        const placed = await writer.writeStatus(workspace, withPlace(before, placement));
        await record(placed, portTransitions(before.ports ?? [], placement.ports));
        observation = observe(placed);
      } else {
        return observation;
      }
    }
  };

  /** Acts and looks again until there is nothing to do but wait. */
  const act = async (first: Stored<'Workspace'>, signal: AbortSignal): Promise<Outcome> => {
    let observation = await place(first);
    let book = openBook(observation.workspace, observation, bookOptions());
    const {status = {}} = observation.workspace;
    await record(first, driftOf(status, observation.desired, observation.sight));
    const done = new Set<string>();
    for (let round = 1; ; round++) {
      signal.throwIfAborted();
      const {workspace, desired, sight, placement, movement, other, copy} = observation;
      const next = plan({
        desired,
        sight,
        status: workspace.status ?? {},
        book,
        hasRoom: placement.kind !== 'Cramped',
        isLeaving: movement.kind === 'Leaves',
        ...(other !== undefined && {other}),
        ...(copy !== undefined && {copy}),
        now: clock.now(),
      });
      const isLast = next.actions.length === 0 || next.release !== undefined;
      if (isLast || round > maximumRounds) {
        const requeueAfter = isLast ? soonest(next.wait?.requeueAfter, requeueOf(movement)) : 1000;
        return {
          ...observation,
          book: closeBook(book, {desired, sight, wanted: next.wanted}),
          plan: next,
          requeueAfter,
        };
      }

      if (next.actions.some(({type}) => needsFreshSight.has(type))) {
        await writer.confirm(workspace);
      }

      const result = await performRound(
        {...observation, actions: next.actions, done, book},
        bookOptions(),
        signal,
      );
      observation = await place(workspace);
      book = reviewBook(result.book, observation, bookOptions());
      if (result.pause !== undefined) {
        const wanted = next.wanted;
        const closed = closeBook(book, {...observation, wanted});
        return {...observation, book: closed, plan: next, requeueAfter: result.pause};
      }
    }
  };

  const tell = async (workspace: Stored<'Workspace'>, next: WorkspaceStatus) => {
    const previous = workspace.status ?? {};
    if (isWorthWriting(previous, next)) {
      const written = await writer.writeStatus(workspace, next);
      await record(written, transitionsOf(previous, next));
    }
  };

  const writeStatus = async (outcome: Outcome) => {
    const {
      workspace,
      desired,
      sight,
      placement,
      movement,
      copy,
      book,
      plan: {wait},
    } = outcome;
    const previous = workspace.status ?? {};
    const node = previous.node === undefined ? undefined : nodes.get(previous.node);
    const now = clock.now();
    const parts = {desired, sight, placement, movement, book, node, gateway, wait, now};
    await tell(
      workspace,
      statusOf(workspace, {...parts, status: previous, ...(copy !== undefined && {copy})}),
    );
  };

  const release = async (workspace: Stored<'Workspace'>, how: Release): Promise<ReconcileResult> => {
    await writer.write(workspace, () => letGo(workspace, options.storage));
    await record(workspace, [releaseHappening(workspace, how)]);
    return {};
  };

  return async (key, signal) => {
    if (!workspaces.hasSynced() || !nodes.hasSynced() || !users.hasSynced()) {
      return {requeueAfter: 1000, reason: 'CachesNotSynced'};
    }

    const found = workspaces.get(key);
    if (found === undefined) {
      return {};
    }

    const toHold = held(found);
    const workspace =
      toHold === undefined
        ? found
        : await writer.write(found, () => options.storage.update('Workspace', toHold));
    const usurped = usurpation(workspace, workspaces.byIndex('uid', workspace.metadata.uid));
    if (usurped !== undefined) {
      if (workspace.metadata.deletionTimestamp === undefined) {
        await tell(workspace, invalidStatus(workspace, usurped, clock.now()));
      } else {
        await writer.write(workspace, () => letGo(workspace, options.storage));
      }

      return {requeueAfter: usurpedInterval, reason: 'UidTaken'};
    }

    const problem = workspace.metadata.deletionTimestamp === undefined ? problemOf(workspace) : undefined;
    if (problem !== undefined) {
      await tell(workspace, invalidStatus(workspace, problem, clock.now()));
      return {reason: 'InvalidSpec'};
    }

    const outcome = await act(workspace, signal);
    if (outcome.plan.release !== undefined) {
      return release(outcome.workspace, outcome.plan.release);
    }

    await writeStatus(outcome);
    return {
      ...(outcome.requeueAfter !== undefined && {requeueAfter: outcome.requeueAfter}),
      ...(outcome.plan.wait !== undefined && {reason: outcome.plan.wait.reason}),
    };
  };
}

function requeueOf(movement: Movement): number | undefined {
  return movement.kind === 'Moves' || movement.kind === 'Waits' ? movement.requeueAfter : undefined;
}

function soonest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter(time => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
