import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import {isStorageError} from '../../api/storage/storage-error.ts';
import type {RateLimitedQueue} from '../workqueue/rate-limited-queue.ts';
import type {Reconcile} from './reconcile.ts';
import {TerminalError} from './terminal-error.ts';

/** The values of the label `result`, as in controller-runtime. */
export type Outcome = 'success' | 'error' | 'requeue' | 'requeue_after';

/** Told of what the workers do; for metrics. */
export type WorkersObserver = {
  started(): void;
  finished(outcome: Outcome, seconds: number): void;
  failedForGood(): void;
};

export type WorkersOptions = {
  /** Of the controller, for logs. */
  readonly name: string;
  readonly queue: RateLimitedQueue;
  readonly reconcile: Reconcile;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: WorkersObserver;
  /** Reconciles at once; 4 by default. */
  readonly workers?: number;
  /** Milliseconds after which a reconcile's signal is aborted; a minute by default. */
  readonly deadline?: number;
  /** Milliseconds that running reconciles get to finish by themselves when `signal` is aborted; 5 seconds by default. */
  readonly grace?: number;
  /** Leaves them no time at all. */
  readonly cutOff?: AbortSignal;
};

/** Takes keys from the queue until `signal` is aborted. Resolves once no reconcile runs any more; never rejects. */
export async function runWorkers(options: WorkersOptions, signal: AbortSignal): Promise<void> {
  const {queue, clock, workers = 4, grace = 5000} = options;
  const cutOff = new AbortController();
  const cut = () => cutOff.abort(options.cutOff?.reason);
  options.cutOff?.addEventListener('abort', cut, {once: true});
  let graceTimer: Disposable | undefined;
  const stop = () => {
    queue.shutDown();
    graceTimer = clock.schedule(grace, () => cutOff.abort(new Error('the controller stops')));
  };
  if (signal.aborted) {
    stop();
  }
  signal.addEventListener('abort', stop, {once: true});
  try {
    await Promise.all(Array.from({length: workers}, () => work(options, cutOff.signal)));
  } finally {
    signal.removeEventListener('abort', stop);
    options.cutOff?.removeEventListener('abort', cut);
    graceTimer?.[Symbol.dispose]();
  }
}

async function work(options: WorkersOptions, cutOff: AbortSignal): Promise<void> {
  const {queue, clock, observer} = options;
  for (;;) {
    const key = await queue.take();
    if (key === undefined) {
      return;
    }
    const startedAt = clock.now();
    observer.started();
    const outcome = await attempt(options, key, cutOff);
    observer.finished(outcome, (clock.now() - startedAt) / 1000);
    queue.done(key);
  }
}

/** One reconcile, and what follows from its end for the queue. The one place where what a reconcile throws is caught. */
async function attempt(options: WorkersOptions, key: string, cutOff: AbortSignal): Promise<Outcome> {
  const {name, queue, reconcile, clock, observer, deadline = 60_000} = options;
  const controller = new AbortController();
  const onCutOff = () => controller.abort(cutOff.reason);
  cutOff.addEventListener('abort', onCutOff, {once: true});
  using _timer = clock.schedule(deadline, () => {
    controller.abort(new Error(`took longer than its deadline of ${deadline} ms`));
  });
  const log = options.log.child({controller: name, key});
  try {
    if (cutOff.aborted) {
      onCutOff();
    }
    const {requeueAfter, reason} = await reconcile(key, controller.signal);
    queue.forget(key);
    if (requeueAfter === undefined) {
      return 'success';
    }
    log.debug({requeueAfter, reason}, 'looks again later');
    queue.addAfter(key, requeueAfter);
    return 'requeue_after';
  } catch (error) {
    if (error instanceof TerminalError) {
      log.error({error}, 'reconcile failed for good');
      observer.failedForGood();
      queue.forget(key);
      return 'error';
    }
    queue.addRateLimited(key);
    if (isStorageError(error, 'Conflict')) {
      log.debug({error}, 'the object changed meanwhile; looks again');
      return 'requeue';
    }
    log.error({error, failures: queue.failures(key)}, 'reconcile failed');
    return 'error';
  } finally {
    cutOff.removeEventListener('abort', onCutOff);
  }
}
