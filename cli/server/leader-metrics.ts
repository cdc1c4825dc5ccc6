import type {Registry} from 'prom-client';
import {Gauge} from 'prom-client';

/** Whether this server leads, under Nexus's own name and under that of client-go. */
export function registerLeaderMetrics(registry: Registry, leads: () => boolean): void {
  const registers = [registry];
  new Gauge({
    name: 'nexus_leader',
    help: '1 while this server leads and acts, 0 while it follows another.',
    registers,
    collect() {
      this.set(leads() ? 1 : 0);
    },
  });
  new Gauge({
    name: 'leader_election_master_status',
    help: 'As nexus_leader, under the name that client-go has for it.',
    labelNames: ['name'],
    registers,
    collect() {
      this.set({name: 'nexus-server'}, leads() ? 1 : 0);
    },
  });
}
