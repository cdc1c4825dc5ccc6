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
import type {Actuator} from './actuator.ts';
import type {Cluster} from './cluster.ts';
import type {Desired, ReadConfiguration} from './desired.ts';
import {createDesiredCache} from './desired-cache.ts';
import type {FailureBook} from './failures.ts';
import {closeBook, openBook, reviewBook} from './failures.ts';
import {held, letGo, releaseHappening} from './finalizer.ts';
import type {Happening} from './happenings.ts';
import {driftOf, portTransitions, transitionsOf} from './happenings.ts';
import {createSpecCheck, invalidStatus} from './invalid-spec.ts';
import type {Placement} from './placement.ts';
import {decidePlacement, withPlace} from './placement.ts';
import type {Plan} from './plan.ts';
import {plan} from './plan.ts';
import {createRound} from './round.ts';
import type {Sight, SightOptions} from './sight.ts';
import {lastReport, sightOf} from './sight.ts';
import type {Release} from './situation.ts';
import type {GatewayPlace} from './status.ts';
import {isWorthWriting, statusOf} from './status.ts';
import type {NodeCache, UserCache, WorkspaceCache} from './watches.ts';
import {createWriter} from './writer.ts';

export type ReconcilerOptions = {
  readonly storage: Pick<Storage, 'get' | 'update' | 'updateStatus'>;
  readonly workspaces: WorkspaceCache;
  readonly nodes: NodeCache;
  readonly users: UserCache;
  readonly agents: Pick<Agents, 'view'>;
  readonly actuator: Actuator;
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

type Observation = {
  readonly workspace: Stored<'Workspace'>;
  readonly desired: Desired;
  readonly sight: Sight;
  readonly placement: Placement;
};

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
  const {workspaces, nodes, users, agents, cluster, recorder, gateway, clock, random} = options;
  const writer = createWriter(options);
  const desires = createDesiredCache(options.readConfiguration);
  const problemOf = createSpecCheck();
  const listeningSince = clock.now();
  const performRound = createRound(options);

  const sightOptions = (): SightOptions => ({now: clock.now(), listeningSince, heartbeatDeadline});
  const bookOptions = () => ({now: clock.now(), jitter: random.fraction()});

  const observe = (workspace: Stored<'Workspace'>): Observation => {
    const status = workspace.status ?? {};
    const {node} = status;
    const sight: Sight =
      node === undefined
        ? {kind: 'Unplaced'}
        : sightOf(
            {
              uid: workspace.metadata.uid,
              provider: workspace.spec.provider,
              node: {name: node, exists: nodes.get(node) !== undefined, view: agents.view(node)},
            },
            sightOptions(),
          );
    const desired = desires.of(workspace, {
      owner: users.get(workspace.spec.owner),
      facts: lastReport(sight)?.repository?.configuration,
    });
    const candidates = () => cluster.candidates(workspace, sightOptions());
    return {
      workspace,
      desired,
      sight,
      placement: decidePlacement(workspace, {
        desired,
        sight,
        status,
        gateway: gateway !== undefined,
        candidates,
      }),
    };
  };

  const record = async (workspace: Stored<'Workspace'>, happenings: readonly Happening[]) => {
    const {name, uid} = workspace.metadata;
    for (const happening of happenings) {
      await recorder.record({regarding: {kind: 'Workspace', name, uid}, ...happening});
    }
  };

  /** Places it where that is called for, until its place needs no change. The write is reserved for while it is under way. */
  const place = async (first: Stored<'Workspace'>): Promise<Observation> => {
    let observation = observe(first);
    while (observation.placement.kind === 'Changed') {
      const {workspace, placement, desired} = observation;
      const {node, ports} = placement;
      const before = workspace.status ?? {};
      using _place = cluster.reserve(workspace, placement);
      const placed = await writer.writeStatus(workspace, withPlace(before, placement));
      await record(placed, portTransitions(before.ports ?? [], ports));
      observation = observe(placed);
      options.log.debug({workspace: desired.name, node, ports}, 'placed');
    }

    return observation;
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
      const {workspace, desired, sight, placement} = observation;
      const next = plan({
        desired,
        sight,
        status: workspace.status ?? {},
        book,
        hasRoom: placement.kind !== 'Cramped',
        now: clock.now(),
      });
      const isLast = next.actions.length === 0 || next.release !== undefined;
      if (isLast || round > maximumRounds) {
        const requeueAfter = isLast ? next.wait?.requeueAfter : 1000;
        return {
          ...observation,
          book: closeBook(book, {desired, sight, wanted: next.wanted}),
          plan: next,
          requeueAfter,
        };
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

  const writeStatus = async ({workspace, desired, sight, placement, book, plan: {wait}}: Outcome) => {
    const previous = workspace.status ?? {};
    const node = previous.node === undefined ? undefined : nodes.get(previous.node);
    const now = clock.now();
    const parts = {desired, sight, placement, book, node, gateway, wait, now};
    await tell(workspace, statusOf(workspace, {...parts, status: previous}));
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
