import type {Clock} from '../../api/effects/clock.ts';
import type {Storage} from '../../api/storage/storage.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {NodeViews} from '../agent-client/agents.ts';
import type {Tell, Verdict} from './steps.ts';
import {StepError} from './steps.ts';

export type AwaitReadyOptions = {
  readonly storage: Pick<Storage, 'get'>;
  readonly agents: NodeViews;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

/** Milliseconds. Attempts to connect are at most half a minute apart. */
const patience = 60_000;
const interval = 100;

/** Resolves once the agent is heard, and the node's own condition says so to everybody. Throws StepError `NotReady`. */
export async function awaitReady(
  {metadata: {name}}: Stored<'Node'>,
  {storage, agents, clock, signal}: AwaitReadyOptions,
  tell: Tell,
): Promise<Verdict<undefined>> {
  const until = clock.now() + patience;
  let told = '';
  for (;;) {
    const view = await agents.view(name);
    const {status} = await storage.get('Node', name);
    const ready = findCondition(status?.conditions, 'Ready');
    if (view?.connected === true && ready?.status === 'True') {
      return {outcome: 'ok', message: ready.message, value: undefined};
    }
    const reason = view?.lastError ?? ready?.message ?? 'its agent has not been heard yet';
    if (clock.now() >= until) {
      throw new StepError('NotReady', `the node is not Ready after ${patience / 1000} s: ${reason}`, {
        cure: [`It is tried on and on. See: nexus node test ${name}`],
      });
    }
    if (reason !== told) {
      told = reason;
      tell(reason);
    }
    await clock.sleep(interval, signal);
  }
}
