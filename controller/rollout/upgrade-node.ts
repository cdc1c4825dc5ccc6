import {timestampAt} from '../../api/effects/clock.ts';
import {isStorageError} from '../../api/storage/storage-error.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {NodeView} from '../agent-client/agents.ts';
import {agentCondition} from './conditions.ts';
import type {RolloutOptions} from './run-rollout.ts';
import type {FailedUpgrade, StatusWriter} from './status-writer.ts';

export type UpgradeNodeOptions = Pick<
  RolloutOptions,
  'agents' | 'upgrader' | 'recorder' | 'clock' | 'log' | 'tuning'
> & {
  readonly writer: StatusWriter;
  readonly node: Stored<'Node'>;
  /** The first that gets this version: it must hold for longer before others follow. */
  readonly isCanary: boolean;
};

/** Milliseconds to install it over a slow line, and to go back. */
const installTimeout = 1_800_000;
const goBackTimeout = 120_000;

function timesOf({tuning = {}}: Pick<UpgradeNodeOptions, 'tuning'>) {
  const {upTimeout = 60_000, canary = 30_000, others = 5000} = tuning;
  return {upTimeout, canary, others};
}

/** Upgrades one node's agent, and goes back to the version before when the new one does not come up. Throws what the store throws. */
export async function upgradeNode(options: UpgradeNodeOptions, signal: AbortSignal): Promise<void> {
  const {agents, upgrader, writer, node, isCanary, clock, log} = options;
  const {name} = node.metadata;
  const before = agents.view(name)?.facts;
  if (before === undefined) {
    return;
  }
  const from = before.package?.id ?? `an earlier release (${before.agentVersion})`;
  const tell = async (type: 'Normal' | 'Warning', reason: string, message: string) => {
    log.info({node: name, reason}, message);
    await options.recorder.record({
      regarding: {kind: 'Node', name, uid: node.metadata.uid},
      type,
      reason,
      message,
    });
  };
  const times = timesOf(options);
  const wasReady = isReady(agents.view(name));
  const isUp = (id: string) => (view: NodeView | undefined) =>
    view?.connected === true && view.facts?.package?.id === id && (!wasReady || isReady(view));

  await writer.write(
    name,
    agentCondition('Upgrading', `The agent on ${name} is being upgraded from ${from}.`),
  );
  let wanted = '';
  try {
    wanted = (await upgrader.wanted(node, before, signal)) ?? '';
    wanted = await within(options, installTimeout, signal, limit => upgrader.upgrade(node, limit));
    await comesTrue(options, {what: isUp(wanted), timeout: times.upTimeout}, signal);
    await clock.sleep(isCanary ? times.canary : times.others, signal);
    if (!isUp(wanted)(agents.view(name))) {
      throw new Error('it came up, but did not stay.');
    }
    await writer.write(
      name,
      agentCondition('UpToDate', `The agent on ${name} is ${wanted}, which this server brings.`),
      null,
    );
    await tell(
      'Normal',
      'AgentUpgraded',
      `Upgraded the agent from ${from} to ${wanted}; its workspaces ran on.`,
    );
  } catch (error) {
    signal.throwIfAborted();
    if (isStorageError(error)) {
      throw error;
    }
    const reason = error instanceof Error ? error.message : String(error);
    const message = `${reason.replace(/\.?$/, '.')} ${await goBack(options, signal)}`;
    const failed: FailedUpgrade = {package: wanted, at: timestampAt(clock.now()), message};
    await writer.write(
      name,
      agentCondition(
        'UpgradeFailed',
        `The agent on ${name} could not be upgraded to ${wanted}: ${message} Try again with: nexus node upgrade ${name}`,
      ),
      failed,
    );
    await tell('Warning', 'AgentUpgradeFailed', `The agent could not be upgraded to ${wanted}: ${message}`);
  }
}

/**
 * A server that ended in the middle of an upgrade has left a node whose new agent may not come up: it goes back, too. A node that can't be reached at all
 * is left as it is: nothing is known of its agent.
 */
export async function finishInterrupted(
  options: Omit<UpgradeNodeOptions, 'isCanary'>,
  signal: AbortSignal,
): Promise<void> {
  const {upgrader, writer, node, clock, log} = options;
  const {name} = node.metadata;
  try {
    await comesTrue(
      options,
      {what: view => view?.connected === true, timeout: timesOf(options).upTimeout},
      signal,
    );
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    try {
      const previous = await within(options, goBackTimeout, signal, limit => upgrader.rollBack(node, limit));
      const message = `It was interrupted, and ${reason}. It has gone back to ${previous ?? 'what it was'}.`;
      const failed = {package: unknownPackage, at: timestampAt(clock.now()), message};
      await writer.write(name, agentCondition('UpgradeFailed', message), failed);
    } catch (cause) {
      signal.throwIfAborted();
      log.warn({error: cause, node: name}, 'an interrupted upgrade could not be undone');
    }
  }
}

/** What an upgrade that was interrupted had been to. */
const unknownPackage = 'unknown';

/** Says how it ended. */
async function goBack(options: Omit<UpgradeNodeOptions, 'isCanary'>, signal: AbortSignal): Promise<string> {
  const {agents, upgrader, node} = options;
  const {name} = node.metadata;
  try {
    const previous = await within(options, goBackTimeout, signal, limit => upgrader.rollBack(node, limit));
    await comesTrue(
      options,
      {what: view => view?.connected === true, timeout: timesOf(options).upTimeout},
      signal,
    );
    const runs = agents.view(name)?.facts?.package?.id ?? previous;
    return runs === undefined ? 'It runs on as it was.' : `It runs ${runs} again.`;
  } catch (error) {
    signal.throwIfAborted();
    return `Nor could it go back: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function isReady(view: NodeView | undefined): boolean {
  return view?.facts?.providers.some(({ready}) => ready) ?? false;
}

async function within<T>(
  {clock}: Pick<UpgradeNodeOptions, 'clock'>,
  timeout: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  using _ = clock.schedule(timeout, () => late.abort(new Error(`it took longer than ${timeout / 1000} s`)));
  return await work(AbortSignal.any([signal, late.signal]));
}

/** Resolves once the view of the node is so; rejects after the timeout, with why the node is not connected. */
async function comesTrue(
  {agents, clock, node}: Pick<UpgradeNodeOptions, 'agents' | 'clock' | 'node'>,
  {what, timeout}: {readonly what: (view: NodeView | undefined) => boolean; readonly timeout: number},
  signal: AbortSignal,
): Promise<void> {
  const {name} = node.metadata;
  const late = new AbortController();
  using _timer = clock.schedule(timeout, () => {
    const {lastError} = agents.view(name) ?? {};
    late.abort(
      new Error(
        `it did not come up within ${timeout / 1000} s${lastError === undefined ? '' : `: ${lastError}`}`,
      ),
    );
  });
  const either = AbortSignal.any([signal, late.signal]);
  while (!what(agents.view(name))) {
    const changed = Promise.withResolvers<void>();
    const onAbort = () => changed.reject(either.reason);
    using _changes = agents.onChange(change => change.node === name && changed.resolve());
    either.addEventListener('abort', onAbort, {once: true});
    if (either.aborted) {
      onAbort();
    }
    try {
      await changed.promise;
    } finally {
      either.removeEventListener('abort', onAbort);
    }
  }
}
