import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {PortAllocation, WorkspaceStatus} from '../../api/v1alpha1/workspace.ts';
import type {Place} from './cluster.ts';
import type {Desired, PortRequest} from './desired.ts';
import {allocatePorts} from './ports.ts';
import {isWithin, reservationOf, roomRefusal} from './room.ts';
import type {Candidate, Schedule} from './schedule.ts';
import {roomFor, schedule} from './schedule.ts';
import type {Sight} from './sight.ts';
import {instanceOf, isEvidence, lastReport} from './sight.ts';

/** What is to become of a workspace's place: its node, and what it has there. */
export type Placement =
  | {readonly kind: 'Kept'}
  | ({readonly kind: 'Changed'} & Place)
  /** It keeps its node, which has no room for more than is set aside for it now: it is not started until there is. */
  | {readonly kind: 'Cramped'; readonly message: string}
  | Extract<Schedule, {kind: 'Unplaced'}>;

type Ssh = NonNullable<WorkspaceStatus['ssh']>;

export type PlacementOptions = {
  readonly desired: Desired;
  readonly sight: Sight;
  readonly status: Pick<WorkspaceStatus, 'node' | 'ports' | 'reserved'>;
  /** Whether there is a gateway, so that a workspace can do without an ssh port of its node. */
  readonly gateway?: boolean;
  /** Read only when needed. */
  readonly candidates: () => readonly Candidate[];
};

/** Where a workspace goes, once; then what its ports are, as its services change. Pure but for `candidates`, which only reads. */
export function decidePlacement(workspace: Stored<'Workspace'>, options: PlacementOptions): Placement {
  const {desired, status} = options;
  if (desired.deletion !== 'no') {
    return {kind: 'Kept'};
  }

  if (status.node !== undefined) {
    return decideRoom(workspace, decidePorts(status.node, status.ports ?? [], options), options);
  }

  // One that is not to run needs no place yet.
  if (!desired.running) {
    return {kind: 'Kept'};
  }

  const request = {
    spec: workspace.spec,
    size: desired.instance.limits,
    requests: desired.reservation,
    ports: desired.ports,
  };
  let result = schedule(request, options.candidates());
  if (options.gateway === true && result.kind === 'Unplaced' && result.reason === 'PortsExhausted') {
    const ports = desired.ports.filter(({name}) => name !== 'ssh');
    result = schedule({...request, ports}, options.candidates());
  }

  return result.kind === 'Placed'
    ? {kind: 'Changed', node: result.node, ports: result.ports, reserved: desired.reservation}
    : result;
}

/** The status with its new place, true to itself: whoever reads it before the next look is not sent to a port that was given up. */
export function withPlace(status: WorkspaceStatus, {node, ports, reserved}: Place): WorkspaceStatus {
  const {ssh} = status;
  const port = ports.find(({name}) => name === 'ssh')?.nodePort;
  return {
    ...status,
    node,
    ports: [...ports],
    reserved: {...reserved},
    ...(status.node === undefined && {phase: 'Creating'}),
    ...(ssh !== undefined && {ssh: withPort(ssh, port)}),
  };
}

function withPort(ssh: Ssh, port: number | undefined): Ssh {
  const {host, port: before, ...rest} = ssh;
  if (port !== undefined) {
    return host === undefined ? ssh : {...ssh, port};
  }

  // Without a gateway there is nothing better to say than where it was.
  return ssh.gateway === undefined || before === undefined ? ssh : rest;
}

type Ports = {readonly node: string; readonly ports: readonly PortAllocation[]; readonly changed: boolean};

/** What is set aside follows what is asked for: less at once, more when there is room. */
function decideRoom(
  {spec}: Stored<'Workspace'>,
  {node, ports, changed}: Ports,
  {desired, sight, status, candidates}: PlacementOptions,
): Placement {
  const held = reservationOf(spec, status);
  const wanted = desired.reservation;
  const keep: Placement = changed ? {kind: 'Changed', node, ports, reserved: held} : {kind: 'Kept'};
  const isDown = sight.kind === 'Absent' || instanceOf(sight)?.state === 'Stopped';
  const isSettled = isWithin(wanted, held) && isWithin(held, wanted);
  // What it runs with is not given away before it is down.
  if (isSettled || (!desired.running && !isDown)) {
    return keep;
  }

  if (isWithin(wanted, held)) {
    return {kind: 'Changed', node, ports, reserved: wanted};
  }

  const candidate = candidates().find(({node: {metadata}}) => metadata.name === node);
  if (candidate?.facts === undefined) {
    return keep;
  }

  const refusal = roomRefusal(wanted, roomFor(candidate));
  if (refusal === undefined) {
    return {kind: 'Changed', node, ports, reserved: wanted};
  }

  return changed ? keep : {kind: 'Cramped', message: `${node}: ${refusal}`};
}

function decidePorts(
  node: string,
  previous: readonly PortAllocation[],
  {desired, sight, candidates}: PlacementOptions,
): Ports {
  const kept = {node, ports: previous, changed: false};
  const requests = [...desired.ports, ...stillHeld(previous, desired, sight)];
  const unusable = unusablePorts(previous, sight);
  if (unusable.size === 0 && isSame(requests, previous)) {
    return kept;
  }

  const candidate = candidates().find(({node: {metadata}}) => metadata.name === node);
  // Nothing new is given on a node whose ports are not known.
  if (candidate?.facts === undefined) {
    return kept;
  }

  const {ports} = allocatePorts(requests, {previous, taken: candidate.takenPorts(), unusable});
  const isUnchanged =
    isSame(ports, previous) && ports.every(({nodePort}) => previous.some(port => port.nodePort === nodePort));
  return isUnchanged ? kept : {node, ports, changed: true};
}

/**
 * Ports that are no longer asked for and can't be given away yet: the node may still listen on them, or what the services are is not known
 * just now.
 */
function stillHeld(previous: readonly PortAllocation[], desired: Desired, sight: Sight): PortRequest[] {
  const surplus = previous.filter(({name}) => !desired.ports.some(request => request.name === name));
  if (desired.configuration.state !== 'Known') {
    return surplus;
  }

  return isEvidence(sight)
    ? surplus.filter(({nodePort}) => forwardsOf(sight).some(forward => forward.nodePort === nodePort))
    : surplus;
}

/** Ports that another program on the node was found to hold. */
function unusablePorts(previous: readonly PortAllocation[], sight: Sight): ReadonlySet<number> {
  return new Set(
    (isEvidence(sight) ? forwardsOf(sight) : [])
      .filter(forward => forward.state === 'Failed' && forward.inUse === true)
      .map(({nodePort}) => nodePort)
      .filter(nodePort => previous.some(port => port.nodePort === nodePort)),
  );
}

function forwardsOf(sight: Sight): Instance['forwards'] {
  return lastReport(sight)?.forwards ?? [];
}

function isSame(wanted: readonly PortRequest[], present: readonly PortRequest[]): boolean {
  return (
    wanted.length === present.length &&
    wanted.every(({name, targetPort}) =>
      present.some(port => port.name === name && port.targetPort === targetPort),
    )
  );
}
