import type {Clock} from '../../api/effects/clock.ts';
import type {NodeSetup, SetupContext} from '../../api/node-setup/node-setup.ts';
import type {Storage} from '../../api/storage/storage.ts';
import {StorageError} from '../../api/storage/storage-error.ts';
import type {AgentInstaller} from '../agent-client/agent-installer.ts';
import type {NodeViews} from '../agent-client/agents.ts';
import {awaitReady} from './await-ready.ts';
import type {BaseImages} from './base-images.ts';
import type {Identity} from './log-in.ts';
import {prepareMachine} from './prepare-machine.ts';
import {purgeMachine} from './purge-machine.ts';
import type {Steps} from './steps.ts';
import {createSteps, StepError} from './steps.ts';
import {testNode} from './test-node.ts';

export type NodeSetupOptions = {
  readonly clock: Clock;
  readonly storage: Pick<Storage, 'get'>;
  readonly agents: NodeViews;
  readonly installation: string;
  /** The server's own key, made when there is none; or the one in this file. Throws an error that says what is wrong with it. */
  readonly identity: (file: string | undefined, signal: AbortSignal) => Promise<Identity>;
  readonly installer: AgentInstaller;
  readonly images: BaseImages;
};

/** Milliseconds for the controller to let go of a node that was forgotten. */
const partingTime = 10_000;

export function createNodeSetup(options: NodeSetupOptions): NodeSetup {
  const {clock, agents} = options;
  const busy = new Set<string>();

  /** One at a time for each node: two would pull at the same files there. */
  const alone = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    if (busy.has(name)) {
      throw new StorageError('Conflict', `somebody else sets up node "${name}" at this moment`);
    }
    busy.add(name);
    try {
      return await work();
    } finally {
      busy.delete(name);
    }
  };
  const optionsOf = ({report, signal}: SetupContext) => ({
    ...options,
    signal,
    steps: createSteps({clock, report, signal}),
  });

  return {
    async prepare(target, context) {
      const all = optionsOf(context);
      return await alone(target.name, () => unlessFailed(all.steps, () => prepareMachine(target, all)));
    },
    async awaitReady(node, context) {
      const all = optionsOf(context);
      await unlessFailed(all.steps, () => all.steps.take('Ready', tell => awaitReady(node, all, tell)));
      return all.steps.end();
    },
    async test(node, context) {
      const all = optionsOf(context);
      await testNode(node, all);
      return all.steps.end();
    },
    async instancesOn(node) {
      const view = await agents.view(node);
      return view?.connected === true && view.synced
        ? [...view.instances.values()].filter(({state}) => state !== 'Missing').map(({name}) => name)
        : undefined;
    },
    async purge(node, context) {
      const {name} = node.metadata;
      const all = optionsOf(context);
      return await alone(name, async () => {
        const until = clock.now() + partingTime;
        while ((await agents.view(name)) !== undefined && clock.now() < until) {
          await clock.sleep(50, context.signal);
        }
        await unlessFailed(all.steps, () => purgeMachine(node, all));
        return all.steps.end();
      });
    },
  };
}

/** A step that failed ends it, and has been told. */
async function unlessFailed<T>(steps: Steps, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StepError)) {
      throw error;
    }
    steps.end();
    return undefined;
  }
}
