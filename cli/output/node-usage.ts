import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {formatBytes} from '../../api/v1alpha1/quantity.ts';
import type {Size} from '../../controller/workspace/room.ts';
import {reservationOf, roomOn, sum} from '../../controller/workspace/room.ts';

export type NodeUsage = {
  /** Set aside for the workspaces that are placed there. */
  readonly reserved: Size;
  /** What may still be set aside; undefined while nobody knows how much it has. */
  readonly free: Size | undefined;
};

/** Pure. `workspaces` are those that are placed on the node. */
export function nodeUsage(
  {spec, status}: Stored<'Node'>,
  workspaces: readonly Stored<'Workspace'>[],
): NodeUsage {
  const reserved = sum(workspaces.map(each => reservationOf(each.spec, each.status ?? {})));
  const {allocatable} = status ?? {};
  return {reserved, free: allocatable === undefined ? undefined : roomOn(spec, allocatable, reserved)};
}

/** `1.5 cpus, 2 GiB memory, 10 GiB disk`. */
export function sizeText({cpus, memory, disk}: Size): string {
  return `${Number(cpus.toFixed(2))} cpus, ${formatBytes(memory)} memory, ${formatBytes(disk)} disk`;
}
