import type {Registry} from 'prom-client';
import type {Clock} from '../api/effects/clock.ts';
import type {Logger} from '../api/effects/logger.ts';
import type {Random} from '../api/effects/random.ts';
import type {BundleStore} from '../api/storage/bundle-store.ts';
import {createEventRecorder} from '../api/storage/event-recorder.ts';
import type {Storage} from '../api/storage/storage.ts';
import {createAgents} from './agent-client/agent-client.ts';
import type {Agents} from './agent-client/agents.ts';
import type {Connect} from './agent-client/connect.ts';
import type {Informer} from './informer/informer.ts';
import {createInformer} from './informer/informer.ts';
import {createManagedController} from './manager/managed-controller.ts';
import {createControllerMetrics} from './metrics.ts';
import {createNodeController} from './node/controller.ts';
import type {AgentUpgrader} from './rollout/agent-upgrader.ts';
import type {RolloutTuning} from './rollout/run-rollout.ts';
import {runRollout} from './rollout/run-rollout.ts';
import type {Credentials} from './workspace/actuator.ts';
import {createWorkspaceController} from './workspace/controller.ts';
import type {GatewayPlace} from './workspace/status.ts';
import type {UserIndex, WorkspaceIndex} from './workspace/watches.ts';
import {userIndexes, workspaceIndexes} from './workspace/watches.ts';

export type ControllerOptions = {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly connect: Connect;
  /** From `storage.beginEpoch()`, anew for each run. */
  readonly epoch: number;
  readonly installation: string;
  /** Where the metrics go. */
  readonly registry: Registry;
  readonly credentials: Credentials;
  readonly bundles: Pick<BundleStore, 'open'>;
  /** The server's ssh gateway, if it has one: with it a workspace can do without an ssh port of its node. */
  readonly gateway?: GatewayPlace;
  /** Brings agents up to date; none leaves them as they are. */
  readonly upgrader?: AgentUpgrader;
  readonly tuning?: ControllerTuning;
  /** A node obeys a later controller: this one should end. */
  readonly onFenced?: (node: string) => void;
};

/** Times in milliseconds. */
export type ControllerTuning = {
  /** Workspaces reconciled at once; 16 by default: most of the time they wait for agents. */
  readonly workspaceWorkers?: number;
  /** Nodes reconciled at once; 4 by default. */
  readonly nodeWorkers?: number;
  /** Between looks at everything, as a net below the watches; 10 minutes by default. */
  readonly resyncInterval?: number;
  /** How long an instance must have been without a Workspace before it is collected; 10 minutes by default. */
  readonly orphanGrace?: number;
  /** How long instances with unsaved work are kept; 7 days by default. */
  readonly retention?: number;
  /** Without a byte, before the copy of a move is given up; 30 minutes by default. */
  readonly copyPatience?: number;
  readonly rollout?: RolloutTuning;
};

/** What is stored, as the controller sees it; kept up to date while it runs. */
export type ControllerCaches = {
  readonly workspaces: Reader<'Workspace', WorkspaceIndex>;
  readonly nodes: Reader<'Node', never>;
  readonly users: Reader<'User', UserIndex>;
};

type Reader<K extends 'Workspace' | 'Node' | 'User', I extends string> = Omit<
  Informer<K, I>,
  'run' | 'observe' | 'synced'
>;

/** Disposing of it stops it and resolves when it is drained: no reconcile runs, every connection is closed. */
export type Controller = AsyncDisposable & {
  readonly agents: Agents;
  readonly caches: ControllerCaches;
  /** Resolves once the caches hold all that was stored at the start; rejects with the signal's reason. */
  synced(signal: AbortSignal): Promise<void>;
  /** Whether the caches are synced, so that it acts. */
  ready(): boolean;
  /** Resolves once it is stopped and drained. */
  readonly stopped: Promise<void>;
};

/** Puts the controller together and runs it until `signal` is aborted or it is disposed of. */
export function runController(options: ControllerOptions, signal: AbortSignal): Controller {
  const {storage, clock, random, log, registry, tuning = {}} = options;
  const {
    workspaceWorkers = 16,
    nodeWorkers = 4,
    resyncInterval = 600_000,
    orphanGrace,
    retention,
    copyPatience,
  } = tuning;
  const stopping = new AbortController();
  const stop = () => stopping.abort(new Error('the controller stops'));
  if (signal.aborted) {
    stop();
  }
  signal.addEventListener('abort', stop, {once: true});

  const effects = {storage, clock, random, log};
  const workspaces = createInformer({...effects, kind: 'Workspace', indexes: workspaceIndexes});
  const nodes = createInformer({...effects, kind: 'Node', indexes: {}});
  const users = createInformer({...effects, kind: 'User', indexes: userIndexes});
  const informers = [workspaces, nodes, users];
  const agents = createAgents(options);
  const recorder = createEventRecorder({...effects, component: 'controller'});
  const parts = {...effects, workspaces, nodes, users, agents, recorder};
  const workspace = createWorkspaceController({
    ...parts,
    bundles: options.bundles,
    ...(options.gateway === undefined ? {} : {gateway: options.gateway}),
    credentials: options.credentials,
    ...(copyPatience === undefined ? {} : {patience: copyPatience}),
    signal: stopping.signal,
  });
  const node = createNodeController({
    ...parts,
    ...(orphanGrace === undefined ? {} : {grace: orphanGrace}),
    ...(retention === undefined ? {} : {retention}),
  });

  const metrics = createControllerMetrics(registry, clock);
  const engine = {
    ...effects,
    metrics,
    resyncInterval,
    ready: Promise.all(informers.map(each => each.synced(stopping.signal))),
  };
  engine.ready.catch(() => {});
  const managed = [
    createManagedController({
      ...engine,
      ...workspace,
      name: 'workspace',
      workers: workspaceWorkers,
      keys: () => workspaces.list().map(nameOf),
    }),
    createManagedController({
      ...engine,
      ...node,
      name: 'node',
      workers: nodeWorkers,
      keys: () => nodes.list().map(nameOf),
    }),
  ];

  const upgrading = async () => {
    const {upgrader} = options;
    const isReady = await engine.ready.then(
      () => true,
      () => false,
    );
    if (upgrader !== undefined && isReady) {
      await runRollout(
        {...parts, upgrader, ...(tuning.rollout === undefined ? {} : {tuning: tuning.rollout})},
        stopping.signal,
      );
    }
  };

  const run = async () => {
    const following = informers.map(informer => informer.run(stopping.signal));
    // Workers first: what they do needs connections.
    await Promise.all([...managed.map(controller => controller.run(stopping.signal)), upgrading()]);
    await agents[Symbol.asyncDispose]();
    await Promise.all(following);
    signal.removeEventListener('abort', stop);
  };
  const stopped = run();

  return {
    agents,
    caches: {workspaces, nodes, users},
    async synced(until) {
      await Promise.all(informers.map(informer => informer.synced(until)));
    },
    ready: () => !stopping.signal.aborted && informers.every(informer => informer.hasSynced()),
    stopped,
    async [Symbol.asyncDispose]() {
      stop();
      await stopped;
    },
  };
}

function nameOf({metadata}: {readonly metadata: {readonly name: string}}): string {
  return metadata.name;
}
