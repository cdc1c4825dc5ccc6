import {AgentError, isAgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {FailureCode, OperationKind} from '../../api/agent/v1alpha1/instance.ts';
import type {Clock} from '../../api/effects/clock.ts';
import {timestampAt} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import {DriverError} from '../driver.ts';
import {GuestError} from '../guest/guest-error.ts';
import type {Entry} from './entry.ts';

/** Throws AgentError Fenced once a controller of a later epoch has connected. */
export type Fence = () => void;

export type OperationContext = {
  readonly signal: AbortSignal;
  /** Call before each step that destroys or stops something: throws when the operation was superseded or its controller fenced off. */
  check(): void;
  progress(message: string): void;
};

export type Operations = {
  /**
   * Starts `work` in the background, at most one per instance: the same kind again joins the one that runs; a kind that takes precedence
   * aborts it and starts once it has ended. Throws AgentError NotPermittedNow otherwise.
   */
  start(entry: Entry, kind: OperationKind, options: {fence: Fence; work: Work}): void;
  /** Runs `work` now, one at a time per instance, beside operations that only work inside the instance. Throws AgentError. */
  configure(entry: Entry, work: () => Promise<void>): Promise<void>;
  /** Aborts what runs, and waits for its end. */
  stop(): Promise<void>;
};

export type Work = (context: OperationContext) => Promise<void>;

export type OperationsOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly changed: (entry: Entry) => void;
  /** Looks at the instance again after a failure; may reject. */
  readonly observe: (uid: string) => Promise<void>;
};

/** Kinds that a newer request may break off: stopping and deleting work from every phase. */
const supersedes: Partial<Record<OperationKind, readonly OperationKind[]>> = {
  Stop: ['Start', 'Unfreeze', 'Clone', 'Fetch', 'Setup'],
  Delete: ['Create', 'Start', 'Unfreeze', 'Rename', 'Stop', 'Clone', 'Fetch', 'Setup', 'Export', 'Import'],
};

/** Kinds that limits, keys and the like must not run beside. */
const changesInstance: ReadonlySet<OperationKind> = new Set([
  'Create',
  'Rename',
  'Delete',
  'Export',
  'Import',
]);

export function createOperations(options: OperationsOptions): Operations {
  const {clock, log, changed, observe} = options;
  const configuring = new Map<string, Promise<unknown>>();
  const running = new Set<Entry>();
  let stopped = false;

  const run = async (entry: Entry, kind: OperationKind, context: OperationContext, work: Work) => {
    try {
      await work(context);
      entry.failures.delete(kind);
    } catch (error) {
      if (context.signal.aborted || isAgentError(error, 'Fenced')) {
        log.info({uid: entry.uid, kind, error}, 'an operation was broken off');
        return;
      }
      log.warn({uid: entry.uid, kind, error}, 'an operation failed');
      entry.failures.set(kind, {
        operation: kind,
        code: failureCodeOf(error),
        message: error instanceof Error ? error.message : String(error),
        at: timestampAt(clock.now()),
      });
      await observe(entry.uid).catch(() => {});
    }
  };

  return {
    start(entry, kind, {fence, work}) {
      if (stopped) {
        throw new AgentError('NotPermittedNow', 'the agent is stopping');
      }
      const before = entry.operation;
      if (before?.kind === kind && !before.abort.signal.aborted) {
        return;
      }
      if (before !== undefined) {
        if (!supersedes[kind]?.includes(before.kind)) {
          throw new AgentError(
            'NotPermittedNow',
            `${before.kind} runs on it at present; try again once it is done`,
          );
        }
        before.abort.abort(new AgentError('NotPermittedNow', `broken off in favour of ${kind}`));
      }

      const abort = new AbortController();
      const context: OperationContext = {
        signal: abort.signal,
        check() {
          abort.signal.throwIfAborted();
          fence();
        },
        progress(message) {
          if (operation.message !== message) {
            operation.message = message;
            changed(entry);
          }
        },
      };
      const execute = async () => {
        await before?.finished;
        if (!abort.signal.aborted) {
          await run(entry, kind, context, work);
        }
        if (entry.operation === operation) {
          entry.operation = undefined;
          running.delete(entry);
        }
        changed(entry);
      };
      // Set before the work begins, so that it sees itself as the one that runs.
      const begun = Promise.withResolvers<void>();
      const operation: Entry['operation'] & object = {
        kind,
        startedAt: clock.now(),
        abort,
        finished: begun.promise.then(execute),
      };
      entry.operation = operation;
      running.add(entry);
      begun.resolve();
      changed(entry);
    },

    async configure(entry, work) {
      if (entry.operation !== undefined && changesInstance.has(entry.operation.kind)) {
        throw new AgentError(
          'NotPermittedNow',
          `${entry.operation.kind} runs on it at present; try again once it is done`,
        );
      }
      const previous = configuring.get(entry.uid);
      const done = (previous ?? Promise.resolve()).then(work, work);
      configuring.set(entry.uid, done);
      try {
        await done;
      } catch (error) {
        throw toAgentError(error);
      } finally {
        if (configuring.get(entry.uid) === done) {
          configuring.delete(entry.uid);
        }
      }
    },

    async stop() {
      stopped = true;
      const all = [...running].flatMap(({operation}) => (operation === undefined ? [] : [operation]));
      for (const operation of all) {
        operation.abort.abort(new AgentError('NotPermittedNow', 'the agent is stopping'));
      }
      await Promise.all(all.map(({finished}) => finished));
    },
  };
}

function failureCodeOf(error: unknown): FailureCode {
  if (error instanceof GuestError) {
    return error.code === 'Unsupported' ? 'CommandFailed' : error.code;
  }
  if (error instanceof DriverError) {
    return error.code === 'NotFound' ? 'Internal' : error.code;
  }
  return isAgentError(error, 'NotPermittedNow') ? 'NotPermittedNow' : 'Internal';
}

/** A fault of a quick call, as its caller gets it. */
export function toAgentError(error: unknown): AgentError {
  if (isAgentError(error)) {
    return error;
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof DriverError) {
    const code =
      error.code === 'NotFound' || error.code === 'NotPermittedNow' || error.code === 'BackendUnavailable'
        ? error.code
        : 'Internal';
    return new AgentError(code, message, {cause: error});
  }
  return new AgentError('Internal', message, {cause: error});
}
