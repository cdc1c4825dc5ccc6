import type {Registry} from 'prom-client';
import {Counter, Gauge, Histogram} from 'prom-client';
import type {Clock} from '../api/effects/clock.ts';
import type {WorkersObserver} from './manager/workers.ts';
import type {QueueObserver} from './workqueue/queue.ts';

/** Metrics of the engine, under the names and labels of controller-runtime and client-go. */
export type ControllerMetrics = {
  queue(name: string): QueueObserver;
  workers(controller: string, options: {readonly workers: number}): WorkersObserver;
};

/** Seconds, as controller-runtime has them. */
const reconcileBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5,
  1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];

/** Seconds: from 10 ns, by tens, as client-go has them. */
const queueBuckets = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];

export function createControllerMetrics(registry: Registry, clock: Clock): ControllerMetrics {
  return {queue: createQueueMetrics(registry, clock), workers: createWorkersMetrics(registry)};
}

function createQueueMetrics(registry: Registry, clock: Clock): ControllerMetrics['queue'] {
  const registers = [registry];
  const labelNames = ['name', 'controller'] as const;
  /** By queue and key: when it was added, and when a worker took it. */
  const added = new Map<string, Map<string, number>>();
  const taken = new Map<string, Map<string, number>>();
  const seconds = (since: number) => (clock.now() - since) / 1000;
  const running = (name: string) => [...(taken.get(name)?.values() ?? [])].map(seconds);

  const depth = new Gauge({
    name: 'workqueue_depth',
    help: 'Keys that wait in the queue.',
    labelNames,
    registers,
  });
  const adds = new Counter({
    name: 'workqueue_adds_total',
    help: 'Keys that were added to the queue.',
    labelNames,
    registers,
  });
  const retries = new Counter({
    name: 'workqueue_retries_total',
    help: 'Keys that were added again after a failure.',
    labelNames,
    registers,
  });
  const waited = new Histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'How long a key waited in the queue.',
    labelNames,
    buckets: queueBuckets,
    registers,
  });
  const worked = new Histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'How long a key was with a worker.',
    labelNames,
    buckets: queueBuckets,
    registers,
  });
  new Gauge({
    name: 'workqueue_unfinished_work_seconds',
    help: 'How long the keys that are with workers have been there, in sum: grows while something is stuck.',
    labelNames,
    registers,
    collect() {
      for (const name of taken.keys()) {
        this.set(
          {name, controller: name},
          running(name).reduce((sum, age) => sum + age, 0),
        );
      }
    },
  });
  new Gauge({
    name: 'workqueue_longest_running_processor_seconds',
    help: 'How long the key that has been with a worker for longest has been there.',
    labelNames,
    registers,
    collect() {
      for (const name of taken.keys()) {
        this.set({name, controller: name}, Math.max(0, ...running(name)));
      }
    },
  });

  return name => {
    const labels = {name, controller: name};
    const addedAt = new Map<string, number>();
    const takenAt = new Map<string, number>();
    added.set(name, addedAt);
    taken.set(name, takenAt);
    depth.set(labels, 0);
    return {
      added(key, length) {
        adds.inc(labels);
        depth.set(labels, length);
        addedAt.set(key, clock.now());
      },
      taken(key, length) {
        depth.set(labels, length);
        waited.observe(labels, seconds(addedAt.get(key) ?? clock.now()));
        addedAt.delete(key);
        takenAt.set(key, clock.now());
      },
      done(key) {
        worked.observe(labels, seconds(takenAt.get(key) ?? clock.now()));
        takenAt.delete(key);
      },
      retried() {
        retries.inc(labels);
      },
    };
  };
}

function createWorkersMetrics(registry: Registry): ControllerMetrics['workers'] {
  const registers = [registry];
  const total = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciles, by how they ended.',
    labelNames: ['controller', 'result'],
    registers,
  });
  const errors = new Counter({
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Reconciles that failed.',
    labelNames: ['controller'],
    registers,
  });
  const terminal = new Counter({
    name: 'controller_runtime_terminal_reconcile_errors_total',
    help: 'Reconciles that failed and are not tried again.',
    labelNames: ['controller'],
    registers,
  });
  const time = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'How long a reconcile took.',
    labelNames: ['controller'],
    buckets: reconcileBuckets,
    registers,
  });
  const active = new Gauge({
    name: 'controller_runtime_active_workers',
    help: 'Workers that reconcile at present.',
    labelNames: ['controller'],
    registers,
  });
  const maximum = new Gauge({
    name: 'controller_runtime_max_concurrent_reconciles',
    help: 'Workers there are.',
    labelNames: ['controller'],
    registers,
  });

  return (controller, {workers}) => {
    const labels = {controller};
    maximum.set(labels, workers);
    active.set(labels, 0);
    return {
      started() {
        active.inc(labels);
      },
      finished(result, seconds) {
        active.dec(labels);
        total.inc({controller, result});
        time.observe(labels, seconds);
        if (result === 'error') {
          errors.inc(labels);
        }
      },
      failedForGood() {
        terminal.inc(labels);
      },
    };
  };
}
