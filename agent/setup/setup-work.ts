import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {Params} from '../../api/agent/v1alpha1/messages.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Guest} from '../guest/guest.ts';
import {GuestError} from '../guest/guest-error.ts';
import type {Entry} from '../instances/entry.ts';
import type {SetupRequest} from '../instances/instance-record.ts';
import {describeInstance} from '../instances/instance-view.ts';
import type {Fence, OperationContext, Operations} from '../instances/operations.ts';
import type {Registry} from '../instances/registry.ts';

/** What runs once in a fresh clone. Throws AgentError. */
export type SetupWork = {
  run(params: Params<'setup/run'>, fence: Fence): Promise<Instance>;
  /** Waits again for a run that went on while the agent was away. */
  resume(entry: Entry): void;
};

export type SetupWorkOptions = {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly operations: Operations;
  readonly guest: Guest;
};

export function createSetupWork({clock, registry, operations, guest}: SetupWorkOptions): SetupWork {
  const note = (entry: Entry, request: SetupRequest, facts: Omit<NonNullable<Instance['setup']>, 'hash'>) => {
    registry.record(entry, {...entry.record, setup: {hash: request.hash, ...facts, request}});
    registry.changed(entry);
  };

  const work = async (entry: Entry, request: SetupRequest, {signal}: OperationContext) => {
    const late = new AbortController();
    using _ = clock.schedule(request.timeout, () => late.abort());
    try {
      const {exitCode, step, message} = await guest.setup(entry.uid, request, {
        signal: AbortSignal.any([signal, late.signal]),
        onStep: step => note(entry, request, {state: 'Running', step}),
      });
      note(entry, request, {state: exitCode === 0 ? 'Succeeded' : 'Failed', step, exitCode, message});
      if (exitCode !== 0) {
        throw new GuestError('CommandFailed', `setup command ${step + 1} ended with exit code ${exitCode}`);
      }
    } catch (error) {
      if (error instanceof GuestError && entry.record.setup?.state === 'Failed') {
        throw error;
      }
      if (signal.aborted && !late.signal.aborted) {
        // It goes on in the instance, or ends with it; whoever asks again joins it.
        throw error;
      }
      const reason = late.signal.aborted
        ? `took longer than ${Math.round(request.timeout / 1000)} s and was ended`
        : error instanceof Error
          ? error.message
          : String(error);
      if (late.signal.aborted) {
        await guest.cancelSetup(entry.uid);
      }
      note(entry, request, {state: 'Failed', message: reason});
      throw late.signal.aborted ? new GuestError('TimedOut', `setup ${reason}`) : error;
    }
  };

  const begin = (entry: Entry, request: SetupRequest, fence: Fence) => {
    operations.start(entry, 'Setup', {fence, work: context => work(entry, request, context)});
  };

  return {
    async run({uid, ...request}, fence) {
      const entry = registry.existing(uid);
      if (entry.observed.state !== 'Running') {
        throw new AgentError('NotPermittedNow', `it is ${entry.observed.state}; start it first`);
      }
      const {setup} = entry.record;
      if (setup?.hash !== request.hash || setup.state !== 'Succeeded') {
        begin(entry, request, fence);
        if (setup?.hash !== request.hash || setup.state !== 'Running') {
          note(entry, request, {state: 'Running'});
        }
      }
      return describeInstance(entry);
    },

    resume(entry) {
      const {setup} = entry.record;
      if (
        setup?.state === 'Running' &&
        entry.observed?.state === 'Running' &&
        entry.operation === undefined
      ) {
        begin(entry, setup.request, () => {});
      }
    },
  };
}
