import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {parseBytes} from '../../api/v1alpha1/quantity.ts';
import type {PortAllocation} from '../../api/v1alpha1/workspace.ts';
import type {Agents, NodeView} from '../agent-client/agents.ts';
import type {Candidate, Size} from './schedule.ts';
import type {SightOptions} from './sight.ts';
import {isCurrent} from './sight.ts';
import type {NodeCache, WorkspaceCache} from './watches.ts';

/** What is given out on all nodes: what the store says, and what is just being written. */
export type Cluster = {
  /** All nodes as they are for `workspace`: without what it holds itself. */
  candidates(workspace: Stored<'Workspace'>, options: SightOptions): Candidate[];
  /** Holds a place until disposed of, so that no other reconcile gives it away while it is being written. */
  reserve(workspace: Stored<'Workspace'>, node: string, ports: readonly PortAllocation[]): Disposable;
};

export type ClusterOptions = {
  readonly workspaces: WorkspaceCache;
  readonly nodes: NodeCache;
  readonly agents: Pick<Agents, 'view'>;
};

type Reservation = {
  readonly workspace: Stored<'Workspace'>;
  readonly node: string;
  readonly ports: readonly PortAllocation[];
};

export function createCluster({workspaces, nodes, agents}: ClusterOptions): Cluster {
  const reservations = new Map<string, Reservation>();
  /** By spec: they are asked for at each placement, of every workspace that has a place. */
  const sizes = new WeakMap<Stored<'Workspace'>['spec'], Size>();

  const sizeOf = ({spec}: Stored<'Workspace'>): Size => {
    const {cpus, memory, disk} = spec.resources;
    const size = sizes.get(spec) ?? {cpus, memory: parseBytes(memory), disk: parseBytes(disk)};
    sizes.set(spec, size);
    return size;
  };

  const tenantsOf = (node: string, except: string): Reservation[] => {
    const tenants = new Map<string, Reservation>();
    for (const workspace of workspaces.byIndex('node', node)) {
      tenants.set(workspace.metadata.uid, {workspace, node, ports: workspace.status?.ports ?? []});
    }

    for (const [uid, reservation] of reservations) {
      const known = tenants.get(uid)?.ports ?? [];
      if (reservation.node === node) {
        tenants.set(uid, {...reservation, ports: [...known, ...reservation.ports]});
      }
    }

    tenants.delete(except);
    return [...tenants.values()];
  };

  return {
    candidates: (workspace, options) =>
      nodes
        .list()
        .filter(({metadata}) => metadata.deletionTimestamp === undefined)
        .map(node => {
          const {name} = node.metadata;
          const view = agents.view(name);
          const facts = isCurrent(view, options) || lacksBackend(view) ? view?.facts : undefined;
          const tenants = tenantsOf(name, workspace.metadata.uid);
          return {
            node,
            facts,
            used: sum(tenants.map(tenant => sizeOf(tenant.workspace))),
            workspaces: tenants.length,
            takenPorts: () =>
              new Set([
                ...tenants.flatMap(({ports}) => ports.map(({nodePort}) => nodePort)),
                ...(facts?.portsInUse ?? []),
              ]),
          };
        }),
    reserve(workspace, node, ports) {
      const {uid} = workspace.metadata;
      reservations.set(uid, {workspace, node, ports});
      return {[Symbol.dispose]: () => void reservations.delete(uid)};
    },
  };
}

/** Such a node is never current, but its facts tell why nothing can be placed there. */
function lacksBackend(view: NodeView | undefined): boolean {
  return view?.connected === true && view.facts?.providers.every(({ready}) => !ready) === true;
}

function sum(parts: readonly Size[]): Size {
  const total = {cpus: 0, memory: 0, disk: 0};
  for (const {cpus, memory, disk} of parts) {
    total.cpus += cpus;
    total.memory += memory;
    total.disk += disk;
  }

  return total;
}
