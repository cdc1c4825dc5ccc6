import type {Clock} from '../api/effects/clock.ts';
import type {Logger} from '../api/effects/logger.ts';
import type {Random} from '../api/effects/random.ts';
import type {BundleStore} from '../api/storage/bundle-store.ts';
import {createEventRecorder} from '../api/storage/event-recorder.ts';
import type {Storage} from '../api/storage/storage.ts';
import type {Term} from '../api/storage/term.ts';
import {createAgents} from './agent-client/agent-client.ts';
import type {Agents} from './agent-client/agents.ts';
import type {Connect} from './agent-client/connect.ts';
import type {Caches} from './caches.ts';
import {createCaches} from './caches.ts';
import {createManagedController} from './manager/managed-controller.ts';
import type {ControllerMetrics} from './metrics.ts';
import {createNodeController} from './node/controller.ts';
import type {AgentUpgrader} from './rollout/agent-upgrader.ts';
import type {RolloutTuning} from './rollout/run-rollout.ts';
import {runRollout} from './rollout/run-rollout.ts';
import {createTermStorage} from './term-storage.ts';
import type {Credentials} from './workspace/actuator.ts';
import {createWorkspaceController} from './workspace/controller.ts';
import type {GatewayPlace} from './workspace/status.ts';

export type ControllerOptions = {
  readonly storage: Storage;
  /** Of that store, kept running by their owner; its own by default. */
  readonly caches?: Caches;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly connect: Connect;
  /** For which it leads: with its end, the controller is cut off. `epoch`: from `storage.beginEpoch()`, anew for each run. */
  readonly term: Term;
  readonly installation: string;
  readonly metrics: ControllerMetrics;
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

/** Disposing of it stops it and resolves when it is drained: no reconcile runs, every connection is closed. */
export type Controller = AsyncDisposable & {
  readonly agents: Agents;
  /** Whether the caches are synced, so that it acts. */
  ready(): boolean;
  /** Resolves once it is stopped and drained. */
  readonly stopped: Promise<void>;
};

/**
 * Puts the controller together and runs it until `signal` is aborted or it is disposed of, then drains it. When the term ends nothing more is asked of agents
 * or written to the store.
 */
export function runController(options: ControllerOptions, signal: AbortSignal): Controller {
  const {clock, random, log, term, metrics, tuning = {}} = options;
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

  const storage = createTermStorage(options.storage, term);
  const effects = {storage, clock, random, log};
  const caches = options.caches ?? createCaches(effects);
  const {workspaces, nodes, users} = caches;
  const agents = createAgents({...options, epoch: term.epoch, check: term.check});
  const cutOff = () => {
    stop();
    void agents[Symbol.asyncDispose]();
  };
  term.signal.addEventListener('abort', cutOff, {once: true});
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

  const engine = {
    ...effects,
    metrics,
    resyncInterval,
    cutOff: term.signal,
    ready: caches.synced(stopping.signal),
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
    const following = options.caches === undefined ? caches.run(stopping.signal) : undefined;
    // Workers first: what they do needs connections.
    await Promise.all([...managed.map(controller => controller.run(stopping.signal)), upgrading()]);
    await agents[Symbol.asyncDispose]();
    await following;
    signal.removeEventListener('abort', stop);
    term.signal.removeEventListener('abort', cutOff);
  };
  const stopped = run();

  return {
    agents,
    ready: () => !stopping.signal.aborted && caches.hasSynced(),
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
