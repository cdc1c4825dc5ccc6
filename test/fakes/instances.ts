import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {NodeFacts} from '../../api/agent/v1alpha1/messages.ts';

/** A running instance in good health, as of `observedAt`. */
export function runningInstance(uid: string, changes: Partial<Instance> = {}): Instance {
  return {
    uid,
    name: `nexus-${uid}`,
    provider: 'lxc',
    state: 'Running',
    sshReady: true,
    services: [],
    forwards: [],
    observedAt: '2026-11-20T10:00:00.000Z',
    ...changes,
  };
}

export function nodeFactsAt(time: string, changes: Partial<NodeFacts> = {}): NodeFacts {
  return {
    time,
    bootId: 'boot-1',
    agentVersion: '0.1.0',
    providers: [{name: 'lxc', backend: 'incus', version: '6.0.4', ready: true}],
    capacity: {cpus: 8, memory: 16 * 2 ** 30, disk: 100 * 2 ** 30},
    allocatable: {cpus: 8, memory: 15 * 2 ** 30, disk: 90 * 2 ** 30},
    portsInUse: [],
    ...changes,
  };
}
