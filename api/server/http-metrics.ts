import type {Registry} from 'prom-client';
import {Counter, Gauge, Histogram} from 'prom-client';

type Labels = {readonly method: string; readonly route: string; readonly status: number};

export type HttpMetrics = {
  /** Counts a request as in flight until the result is called. */
  begin(): (labels: Labels, seconds: number | undefined) => void;
  watchOpened(): Disposable;
};

export function createHttpMetrics(registry: Registry): HttpMetrics {
  const registers = [registry];
  const labelNames = ['method', 'route', 'status'];
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from a request to the end of its answer; watches and other streams are counted without their duration.',
    labelNames,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  const total = new Counter({name: 'http_requests_total', help: 'Requests answered.', labelNames, registers});
  const inFlight = new Gauge({
    name: 'http_requests_in_flight',
    help: 'Requests not answered yet.',
    registers,
  });
  const watches = new Gauge({name: 'nexus_watches', help: 'Watches that are open.', registers});

  return {
    begin() {
      inFlight.inc();
      return (labels, seconds) => {
        inFlight.dec();
        total.inc(labels);
        if (seconds !== undefined) {
          duration.observe(labels, seconds);
        }
      };
    },
    watchOpened() {
      watches.inc();
      return {[Symbol.dispose]: () => watches.dec()};
    },
  };
}
