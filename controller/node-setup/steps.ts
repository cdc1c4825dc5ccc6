import type {Clock} from '../../api/effects/clock.ts';
import type {SetupEvent, SetupFailure, SetupStep} from '../../api/node-setup/messages.ts';
import type {SshErrorCode} from '../agent-client/ssh-error.ts';
import {isSshError} from '../agent-client/ssh-error.ts';

/** A step that failed: no fault of the program, but what the step is there to find. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly code: SetupFailure;
  /** What to do, a line each. */
  readonly cure: readonly string[];
  readonly hostKey: string | undefined;
  readonly publicKey: string | undefined;

  constructor(
    code: SetupFailure,
    message: string,
    options: {
      readonly cure?: readonly string[];
      readonly hostKey?: string;
      readonly publicKey?: string;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause});
    this.code = code;
    this.cure = options.cure ?? [];
    this.hostKey = options.hostKey;
    this.publicKey = options.publicKey;
  }
}

/** How a step ended that did not fail. */
export type Verdict<T> = {
  readonly outcome: 'ok' | 'changed' | 'warning';
  readonly message: string;
  readonly cure?: readonly string[];
  readonly hostKey?: string;
  readonly value: T;
};

/** Tells what is going on in a step; `done` and `total` in bytes. */
export type Tell = (message: string, bytes?: {readonly done: number; readonly total: number}) => void;

export type Steps = {
  /** Throws the StepError with which the step failed once it has been told, or the reason of the signal. */
  take<T>(step: SetupStep, work: (tell: Tell) => Promise<Verdict<T>>): Promise<T>;
  /** As {@link take}, for a check whose failure keeps nothing else from being looked at. */
  look<T>(step: SetupStep, work: (tell: Tell) => Promise<Verdict<T>>): Promise<T | undefined>;
  /** Tells that it is over, the first time; whether nothing has failed. */
  end(): boolean;
};

export type StepsOptions = {
  readonly clock: Clock;
  readonly report: (event: SetupEvent) => void;
  readonly signal: AbortSignal;
};

export function createSteps({clock, report, signal}: StepsOptions): Steps {
  const begun = clock.now();
  let failed = false;
  let ended = false;

  const take: Steps['take'] = async (step, work) => {
    const started = clock.now();
    const milliseconds = () => Math.max(0, Math.round(clock.now() - started));
    signal.throwIfAborted();
    report({type: 'started', step});
    try {
      const verdict = await work((message, bytes) => report({type: 'progress', step, message, ...bytes}));
      const {outcome, message, cure = [], hostKey} = verdict;
      report({
        type: 'finished',
        step,
        outcome,
        message,
        milliseconds: milliseconds(),
        ...(cure.length === 0 ? {} : {cure: [...cure]}),
        ...(hostKey === undefined ? {} : {host_key: hostKey}),
      });
      return verdict.value;
    } catch (error) {
      signal.throwIfAborted();
      failed = true;
      const failure = asStepError(error, step);
      const {code, message, cure, hostKey, publicKey} = failure;
      report({
        type: 'finished',
        step,
        outcome: 'failed',
        code,
        message,
        milliseconds: milliseconds(),
        ...(cure.length === 0 ? {} : {cure: [...cure]}),
        ...(hostKey === undefined ? {} : {host_key: hostKey}),
        ...(publicKey === undefined ? {} : {public_key: publicKey}),
      });
      throw failure;
    }
  };

  return {
    take,
    async look(step, work) {
      try {
        return await take(step, work);
      } catch (error) {
        if (error instanceof StepError) {
          return undefined;
        }
        throw error;
      }
    },
    end() {
      if (!ended) {
        report({type: 'ended', ok: !failed, milliseconds: Math.round(clock.now() - begun)});
      }
      ended = true;
      return !failed;
    },
  };
}

/** What a step runs into without having looked for it. */
const unexpected: Readonly<Partial<Record<SetupStep, SetupFailure>>> = {
  Agent: 'AgentFailed',
  Backend: 'BackendFailed',
  Image: 'ImageFailed',
  MachineImage: 'ImageFailed',
};

const ofSsh: Readonly<Record<SshErrorCode, SetupFailure>> = {
  Unreachable: 'Unreachable',
  HostKeyMissing: 'HostKeyUnknown',
  HostKeyChanged: 'HostKeyChanged',
  LoginRefused: 'LoginRefused',
  ConnectionLost: 'ConnectionLost',
};

function asStepError(error: unknown, step: SetupStep): StepError {
  if (error instanceof StepError) {
    return error;
  }
  const message = error instanceof Error ? error.message : String(error);
  if (!isSshError(error)) {
    return new StepError(unexpected[step] ?? 'Refused', message, {cause: error});
  }
  return new StepError(ofSsh[error.code], message, {
    cure:
      error.code === 'ConnectionLost'
        ? ['Run the same command again: what was done is kept, the rest is made up for.']
        : [],
    cause: error,
  });
}
