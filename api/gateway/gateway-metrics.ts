import type {Registry} from 'prom-client';
import {Counter, Gauge} from 'prom-client';

export type GatewayMetrics = {
  connected(): Disposable;
  opened(): Disposable;
  refused(reason: string): void;
  /** Bytes carried, seen from the workspace. */
  carried(direction: 'in' | 'out', bytes: number): void;
};

export function createGatewayMetrics(registry: Registry): GatewayMetrics {
  const registers = [registry];
  const connections = new Gauge({
    name: 'nexus_gateway_connections',
    help: 'Connections to the ssh gateway that are open, logged in or not.',
    registers,
  });
  const sessions = new Gauge({
    name: 'nexus_gateway_sessions',
    help: 'Sessions through the ssh gateway that are open.',
    registers,
  });
  const total = new Counter({
    name: 'nexus_gateway_sessions_total',
    help: 'Sessions through the ssh gateway that were opened.',
    registers,
  });
  const refusals = new Counter({
    name: 'nexus_gateway_refused_total',
    help: 'Connections, logins and sessions that the ssh gateway refused, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const bytes = new Counter({
    name: 'nexus_gateway_bytes_total',
    help: 'Bytes carried into and out of workspaces by the ssh gateway.',
    labelNames: ['direction'],
    registers,
  });

  return {
    connected() {
      connections.inc();
      return {[Symbol.dispose]: () => connections.dec()};
    },
    opened() {
      sessions.inc();
      total.inc();
      return {[Symbol.dispose]: () => sessions.dec()};
    },
    refused: reason => refusals.inc({reason}),
    carried: (direction, count) => bytes.inc({direction}, count),
  };
}
