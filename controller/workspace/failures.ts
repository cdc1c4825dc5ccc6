import {timestampAt} from '../../api/effects/clock.ts';
import {retryAtAnnotation} from '../../api/v1alpha1/annotations.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {WorkspaceStatus} from '../../api/v1alpha1/workspace.ts';
import type {Action} from './action.ts';
import {operationOf} from './action.ts';
import {due, isOverdue} from './deadlines.ts';
import type {Desired} from './desired.ts';
import type {Sight} from './sight.ts';
import {instanceOf, isEvidence, lastReport} from './sight.ts';

export type Failure = NonNullable<WorkspaceStatus['lastFailure']>;

/** Failures in a row, the last one, and when the next attempt may be made. Kept in status, so that a restart forgets nothing. */
export type FailureBook = {
  readonly count: number;
  /** Stays with a count of 0 while the node still reports it, so that it is not counted twice. */
  readonly last?: Failure;
  /** Milliseconds since 1970. */
  readonly nextAttemptAt?: number;
};

export type BookOptions = {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** From 0 to 1: spreads attempts that would otherwise come together. */
  readonly jitter: number;
};

const firstDelay = 1000;
const longestDelay = 300_000;

/** Failures in a row from which a workspace is shown as in Error: until then trouble may be passing. */
const patience = 3;

/** What trying again does not mend by itself; tried again nevertheless, seldom, since the world may change. */
const needsHelp: ReadonlySet<string> = new Set([
  'ImageNotFound',
  'RepositoryNotFound',
  'AuthenticationFailed',
  'Invalid',
  'Unsupported',
]);

/** The book as status left it, less what a new spec or a wish to retry forgives, plus what the node reports since. */
export function openBook(
  workspace: Stored<'Workspace'>,
  observed: {readonly desired: Desired; readonly sight: Sight},
  options: BookOptions,
): FailureBook {
  const {metadata, status = {}} = workspace;
  const {lastFailure: last} = status;
  const stored: FailureBook = {
    count: status.failures ?? 0,
    ...(last !== undefined && {last}),
    ...(status.nextAttemptAt !== undefined && {nextAttemptAt: Date.parse(status.nextAttemptAt)}),
  };
  const retryAt = Date.parse(metadata.annotations?.[retryAtAnnotation] ?? '');
  const isForgiven =
    (status.observedGeneration ?? 0) < metadata.generation ||
    (last !== undefined && retryAt > Date.parse(last.at));
  return reviewBook(isForgiven ? forgive(stored) : stored, observed, options);
}

/** The book with what the node reports that is not in it yet: an error, or an operation past its deadline. */
export function reviewBook(
  book: FailureBook,
  {desired, sight}: {readonly desired: Desired; readonly sight: Sight},
  options: BookOptions,
): FailureBook {
  if (!isEvidence(sight)) {
    return book;
  }

  const error = lastReport(sight)?.lastError;
  const reported =
    error !== undefined && error.at !== book.last?.reportedAt
      ? countFailure(
          book,
          {operation: error.operation, code: error.code, message: error.message, reportedAt: error.at},
          options,
        )
      : book;
  return countOverdue(reported, {desired, sight}, options);
}

/** One more failure, and the wait that follows. */
export function countFailure(
  book: FailureBook,
  failure: Omit<Failure, 'at'>,
  options: BookOptions,
): FailureBook {
  const count = book.count + 1;
  const delay = needsHelp.has(failure.code)
    ? longestDelay
    : Math.min(longestDelay, firstDelay * 2 ** Math.min(count - 1, 20));
  const also = (book.count === 0 ? [] : failedOperations(book)).filter(
    operation => operation !== failure.operation,
  );
  return {
    count,
    last: {...failure, at: timestampAt(options.now), ...(also.length > 0 && {also})},
    nextAttemptAt: options.now + Math.round(delay * (1 - 0.2 * options.jitter)),
  };
}

/** Forgets the failures once what failed has succeeded or has become needless. */
export function closeBook(
  book: FailureBook,
  observed: {readonly desired: Desired; readonly sight: Sight; readonly wanted: readonly Action[]},
): FailureBook {
  if (book.last === undefined) {
    return {count: 0};
  }

  const isOver = failedOperations(book).every(operation => isSettled(operation, observed));
  if (!isOver) {
    return book;
  }

  return lastReport(observed.sight)?.lastError === undefined ? {count: 0} : forgive(book);
}

/** Whether `action` has to wait for the next attempt. */
export function isHeld(book: FailureBook, action: Action, now: number): boolean {
  return (
    book.count > 0 &&
    book.nextAttemptAt !== undefined &&
    now < book.nextAttemptAt &&
    failedOperations(book).some(operation => concerns(operation, action))
  );
}

/** Whether the workspace is to be shown as in Error. */
export function isFailing(book: FailureBook): boolean {
  return (
    book.count >= patience || (book.count > 0 && book.last !== undefined && needsHelp.has(book.last.code))
  );
}

function failedOperations({last}: FailureBook): string[] {
  return last === undefined ? [] : [last.operation, ...(last.also ?? [])];
}

function concerns(operation: string, action: Action): boolean {
  return operation === action.type || operation === operationOf[action.type];
}

/** Whether an operation that failed has reached what it was for, or nothing wants it any more. Only what is seen now counts. */
function isSettled(
  operation: string,
  {
    desired,
    sight,
    wanted,
  }: {readonly desired: Desired; readonly sight: Sight; readonly wanted: readonly Action[]},
): boolean {
  if (desired.deletion !== 'no' || !isEvidence(sight) || wanted.some(action => concerns(operation, action))) {
    return false;
  }

  const instance = instanceOf(sight);
  if (instance === undefined) {
    return !desired.running;
  }

  if (operation === 'Create') {
    return instance.state !== 'Creating' && instance.operation?.kind !== 'Create';
  }

  const isAtRest = desired.running
    ? instance.state === 'Running' && instance.sshReady
    : instance.state === 'Stopped';
  const isPower =
    powerOperations.has(operation) || (operation === 'Clone' && instance.repository !== undefined);
  return isAtRest && (isPower || instance.operation === undefined);
}

const powerOperations: ReadonlySet<string> = new Set(['Start', 'Stop', 'Unfreeze', 'Rename', 'Restore']);

function forgive({last}: FailureBook): FailureBook {
  return {count: 0, ...(last !== undefined && {last})};
}

function countOverdue(
  book: FailureBook,
  {desired, sight}: {readonly desired: Desired; readonly sight: Sight},
  options: BookOptions,
): FailureBook {
  const instance = instanceOf(sight);
  if (instance === undefined || sight.kind !== 'Present') {
    return book;
  }

  const running = due(instance, desired, sight.nodeTime);
  if (running === undefined || !isOverdue(running)) {
    return book;
  }

  const {last} = book;
  const begunAt = options.now - running.elapsed;
  const isCounted =
    last?.code === 'TimedOut' && last.operation === running.operation && Date.parse(last.at) > begunAt;
  if (isCounted) {
    return book;
  }

  const message = `${running.operation} was given ${Math.round(running.limit / 1000)} s and was not done after ${Math.round(running.elapsed / 1000)} s.`;
  return countFailure(
    book,
    {
      operation: running.operation,
      code: 'TimedOut',
      message,
      ...(last?.reportedAt !== undefined && {reportedAt: last.reportedAt}),
    },
    options,
  );
}
