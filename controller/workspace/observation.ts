import type {Clock} from '../../api/effects/clock.ts';
import type {Random} from '../../api/effects/random.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Agents} from '../agent-client/agents.ts';
import type {Cluster} from './cluster.ts';
import type {Copies, Copy} from './copies.ts';
import type {Desired} from './desired.ts';
import type {DesiredCache} from './desired-cache.ts';
import {decideMove} from './move.ts';
import type {Movement} from './movement.ts';
import type {Placement} from './placement.ts';
import {decidePlacement} from './placement.ts';
import type {Sight, SightOptions} from './sight.ts';
import {lastReport, sightOf} from './sight.ts';
import type {NodeCache, UserCache} from './watches.ts';

/** Workspaces that move away from one node at a time: each is stopped while it is copied. */
const departuresAtOnce = 2;

/** All that is known of a workspace at one moment, and what follows from it for its place. */
export type Observation = {
  readonly workspace: Stored<'Workspace'>;
  readonly desired: Desired;
  readonly sight: Sight;
  readonly placement: Placement;
  readonly movement: Movement;
  /** On the other node of a move, and how its copy stands. */
  readonly other?: Sight;
  readonly copy?: Copy;
};

export type ObserveOptions = {
  readonly nodes: Pick<NodeCache, 'get'>;
  readonly users: Pick<UserCache, 'get'>;
  readonly agents: Pick<Agents, 'view'>;
  readonly copies: Pick<Copies, 'view'>;
  readonly cluster: Cluster;
  readonly desires: DesiredCache;
  readonly gateway?: object | undefined;
  readonly sightOptions: () => SightOptions;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Pick<Random, 'uuid'>;
};

/** Only reads. */
export function createObserve(options: ObserveOptions): (workspace: Stored<'Workspace'>) => Observation {
  const {nodes, users, agents, copies, cluster, desires, gateway, sightOptions, clock, random} = options;

  /** Of a node that is cordoned too. */
  const drainOf = (node: string | undefined) => {
    const spec = node === undefined ? undefined : nodes.get(node)?.spec;
    return spec?.unschedulable ? spec.drain : undefined;
  };

  /** Its target before the switch, its source after it. */
  const otherSight = ({metadata, spec, status}: Stored<'Workspace'>): Sight | undefined => {
    const {migration} = status ?? {};
    if (migration === undefined) {
      return undefined;
    }

    const name = migration.phase === 'Copying' ? migration.target : migration.source;
    const view = agents.view(name);
    const place = {name, exists: nodes.get(name) !== undefined, view};
    return sightOf({uid: metadata.uid, provider: spec.provider, node: place}, sightOptions());
  };

  return workspace => {
    const status = workspace.status ?? {};
    const {node} = status;
    const sight: Sight =
      node === undefined
        ? {kind: 'Unplaced'}
        : sightOf(
            {
              uid: workspace.metadata.uid,
              provider: workspace.spec.provider,
              node: {name: node, exists: nodes.get(node) !== undefined, view: agents.view(node)},
            },
            sightOptions(),
          );
    const desired = desires.of(workspace, {
      owner: users.get(workspace.spec.owner),
      facts: lastReport(sight)?.repository?.configuration,
    });
    const candidates = () => cluster.candidates(workspace, sightOptions());
    const other = otherSight(workspace);
    const copy = status.migration && copies.view(status.migration.transfer);
    const hasSlot = () => node !== undefined && cluster.departures(node, workspace) < departuresAtOnce;
    const movement = decideMove(workspace, {
      desired,
      sight,
      status,
      drain: drainOf(node),
      other,
      copy,
      candidates,
      gateway: gateway !== undefined,
      hasSlot,
      newTransfer: random.uuid,
      now: clock.now(),
    });
    return {
      workspace,
      desired,
      sight,
      movement,
      placement: decidePlacement(workspace, {
        desired,
        sight,
        status,
        gateway: gateway !== undefined,
        candidates,
      }),
      ...(other !== undefined && {other}),
      ...(copy !== undefined && {copy}),
    };
  };
}
