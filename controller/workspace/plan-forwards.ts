import type {PortAllocation} from '../../api/v1alpha1/workspace.ts';
import type {Action} from './action.ts';
import type {Desired} from './desired.ts';
import type {Present} from './situation.ts';

/** Ports of the node lead into the instance while it is to run, also before it is up; closed while it is stopped. */
export function planForwards({desired, instance, status}: Present): Action[] {
  const wanted =
    desired.running && instance.retired === undefined ? wantedForwards(desired, status.ports ?? []) : [];
  return isSame(wanted, instance.forwards) ? [] : [{type: 'SetForwards', forwards: wanted}];
}

/** Those ports that are still asked for: what is released is closed first. */
export function wantedForwards(desired: Desired, ports: readonly PortAllocation[]): PortAllocation[] {
  return ports.filter(
    ({name}) =>
      desired.configuration.state !== 'Known' || desired.ports.some(request => request.name === name),
  );
}

function isSame(wanted: readonly PortAllocation[], present: readonly PortAllocation[]): boolean {
  return (
    wanted.length === present.length &&
    wanted.every(({name, nodePort, targetPort}) =>
      present.some(
        other => other.name === name && other.nodePort === nodePort && other.targetPort === targetPort,
      ),
    )
  );
}
