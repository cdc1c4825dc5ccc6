import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {limitsOf, requestsOf, reservationOf, sum} from '../../controller/workspace/room.ts';
import type {Candidate} from '../../controller/workspace/schedule.ts';
import {schedule} from '../../controller/workspace/schedule.ts';

export type ForecastOptions = {
  readonly nodes: readonly Stored<'Node'>[];
  readonly workspaces: readonly Stored<'Workspace'>[];
  /** The node that would be drained, and where to, if that is said. */
  readonly name: string;
  readonly to: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
};

export type Forecast = {
  readonly workspace: string;
  readonly target?: string;
  /** Why it would stay. */
  readonly reason?: string;
};

/** Where each workspace of a node would go by what the server has written down of all nodes; each takes its room from the next. Pure. */
export function forecastDrain({nodes, workspaces, name, to, now}: ForecastOptions): Forecast[] {
  const places = new Map(workspaces.map(({metadata, status}) => [metadata.uid, status?.node]));
  const source = nodes.find(({metadata}) => metadata.name === name);
  return workspaces
    .filter(({status}) => status?.node === name)
    .map(workspace => {
      const others = nodes.filter(
        ({metadata}) => metadata.name !== name && (to === undefined || metadata.name === to),
      );
      const format = source?.status?.providers?.find(
        each => each.name === workspace.spec.provider,
      )?.transferFormat;
      if (format === undefined) {
        const reason = `instances of provider ${workspace.spec.provider} on node ${name} can't be moved`;
        return {workspace: workspace.metadata.name, reason};
      }

      const found = schedule(
        {
          spec: workspace.spec,
          size: limitsOf(workspace.spec),
          requests: requestsOf(workspace.spec),
          ports: [{name: 'ssh', targetPort: 22}],
          moved: {provider: workspace.spec.provider, format},
        },
        others.map(node => candidateOf(node, {workspace, workspaces, places, now})),
      );
      if (found.kind === 'Unplaced') {
        return {workspace: workspace.metadata.name, reason: found.message};
      }

      places.set(workspace.metadata.uid, found.node);
      return {workspace: workspace.metadata.name, target: found.node};
    });
}

type Surroundings = Pick<ForecastOptions, 'workspaces' | 'now'> & {
  readonly workspace: Stored<'Workspace'>;
  readonly places: ReadonlyMap<string, string | undefined>;
};

function candidateOf(node: Stored<'Node'>, {workspace, workspaces, places, now}: Surroundings): Candidate {
  const {status = {}} = node;
  const tenants = workspaces.filter(
    ({metadata}) =>
      places.get(metadata.uid) === node.metadata.name && metadata.uid !== workspace.metadata.uid,
  );
  const isReady = findCondition(status.conditions, 'Ready')?.status === 'True';
  const {providers, capacity, allocatable, agentVersion = '', bootId = ''} = status;
  const isKnown = isReady && providers !== undefined && capacity !== undefined && allocatable !== undefined;
  return {
    node,
    facts: isKnown
      ? {
          time: new Date(now).toISOString(),
          bootId,
          agentVersion,
          providers,
          capacity,
          allocatable,
          portsInUse: status.portsInUse ?? [],
        }
      : undefined,
    used: sum(tenants.map(({spec}) => limitsOf(spec))),
    workspaces: tenants.length,
    owned: tenants.filter(({spec}) => spec.owner === workspace.spec.owner).length,
    reserved: sum(tenants.map(({spec, status: of = {}}) => reservationOf(spec, of))),
    takenPorts: () =>
      new Set([
        ...(status.portsInUse ?? []),
        ...tenants.flatMap(({status: of}) => of?.ports?.map(({nodePort}) => nodePort) ?? []),
      ]),
  };
}
