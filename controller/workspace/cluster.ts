import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {PortAllocation} from '../../api/v1alpha1/workspace.ts';
import type {Agents, NodeView} from '../agent-client/agents.ts';
import type {Size} from './room.ts';
import {limitsOf, reservationOf, sum, wantedReservation} from './room.ts';
import type {Candidate} from './schedule.ts';
import type {SightOptions} from './sight.ts';
import {isCurrent} from './sight.ts';
import type {NodeCache, WorkspaceCache} from './watches.ts';

/** What is given out on all nodes: what the store says, and what is just being written. */
export type Cluster = {
  /** All nodes as they are for `workspace`: without what it holds itself. */
  candidates(workspace: Stored<'Workspace'>, options: SightOptions): Candidate[];
  /** Holds a place until disposed of, so that no other reconcile gives it away while it is being written. */
  reserve(workspace: Stored<'Workspace'>, place: Place): Disposable;
  /** How many others are on their way from this node. */
  departures(node: string, except: Stored<'Workspace'>): number;
};

/** Where a workspace is to be, and what it has there. */
export type Place = {
  readonly node: string;
  readonly ports: readonly PortAllocation[];
  readonly reserved: Size;
};

export type ClusterOptions = {
  readonly workspaces: WorkspaceCache;
  readonly nodes: NodeCache;
  readonly agents: Pick<Agents, 'view'>;
};

type Tenant = Place & {readonly workspace: Stored<'Workspace'>};

export function createCluster({workspaces, nodes, agents}: ClusterOptions): Cluster {
  const reservations = new Map<string, Tenant>();
  /** By spec: they are asked for at each placement, of every workspace that has a place. */
  const limits = new WeakMap<Stored<'Workspace'>['spec'], Size>();

  const limitsFor = ({spec}: Stored<'Workspace'>): Size => {
    const size = limits.get(spec) ?? limitsOf(spec);
    limits.set(spec, size);
    return size;
  };

  const tenantsOf = (node: string, except: string): Tenant[] => {
    const tenants = new Map<string, Tenant>();
    for (const workspace of workspaces.byIndex('node', node)) {
      const {spec, status = {}} = workspace;
      const reserved = reservationOf(spec, status);
      tenants.set(workspace.metadata.uid, {workspace, node, ports: status.ports ?? [], reserved});
    }

    // What is on its way there has its room, and gets its ports when it is there.
    for (const workspace of workspaces.byIndex('moving', node)) {
      if (workspace.status?.migration?.target === node && !tenants.has(workspace.metadata.uid)) {
        const reserved = wantedReservation(workspace.spec);
        tenants.set(workspace.metadata.uid, {workspace, node, ports: [], reserved});
      }
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
            used: sum(tenants.map(tenant => limitsFor(tenant.workspace))),
            workspaces: tenants.length,
            owned: tenants.filter(tenant => tenant.workspace.spec.owner === workspace.spec.owner).length,
            reserved: sum(tenants.map(tenant => tenant.reserved)),
            takenPorts: () =>
              new Set([
                ...tenants.flatMap(({ports}) => ports.map(({nodePort}) => nodePort)),
                ...(facts?.portsInUse ?? []),
              ]),
          };
        }),
    departures(node, {metadata: {uid}}) {
      const departing = new Set(
        workspaces
          .byIndex('moving', node)
          .filter(({status}) => status?.migration?.source === node && status.migration.phase === 'Copying')
          .map(({metadata}) => metadata.uid),
      );
      for (const [other, {workspace, node: place}] of reservations) {
        if (workspace.status?.node === node && place !== node) {
          departing.add(other);
        }
      }

      departing.delete(uid);
      return departing.size;
    },
    reserve(workspace, place) {
      const {uid} = workspace.metadata;
      reservations.set(uid, {...place, workspace});
      return {[Symbol.dispose]: () => void reservations.delete(uid)};
    },
  };
}

/** Such a node is never current, but its facts tell why nothing can be placed there. */
function lacksBackend(view: NodeView | undefined): boolean {
  return view?.connected === true && view.facts?.providers.every(({ready}) => !ready) === true;
}
