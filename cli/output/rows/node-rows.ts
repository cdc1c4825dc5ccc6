import {age} from '../../../api/v1alpha1/age.ts';
import {findCondition} from '../../../api/v1alpha1/condition.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import type {Cell, Column} from '../table.ts';

export const nodeColumns: readonly Column<Stored<'Node'>>[] = [
  {header: 'NAME', cell: ({metadata}) => metadata.name},
  {header: 'STATUS', cell: statusCell},
  {
    header: 'ADDRESS',
    cell: ({spec}) => (spec.local ? 'local' : `${spec.user}@${spec.address}:${spec.port}`),
  },
  {header: 'PROVIDERS', cell: providersCell},
  {header: 'WORKSPACES', cell: ({status}) => String(status?.workspaces ?? 0)},
  {header: 'HEARTBEAT', cell: ({status}, now) => age(status?.heartbeatAt, now)},
  {header: 'AGE', cell: ({metadata}, now) => age(metadata.creationTimestamp, now)},
  {header: 'CPUS', wide: true, cell: ({status}) => String(status?.capacity?.cpus ?? '')},
  {header: 'MEMORY', wide: true, cell: ({status}) => gibibytes(status?.capacity?.memory)},
  {header: 'DISK', wide: true, cell: ({status}) => gibibytes(status?.capacity?.disk)},
  {header: 'AGENT', wide: true, cell: ({status}) => status?.agentVersion ?? ''},
];

export function gibibytes(bytes: number | undefined): string {
  return bytes === undefined ? '' : `${(bytes / 2 ** 30).toFixed(1)}GiB`;
}

function statusCell({spec, status}: Stored<'Node'>): Cell {
  const ready = findCondition(status?.conditions, 'Ready');
  const name = ready?.status === 'True' ? 'Ready' : ready?.status === 'False' ? 'NotReady' : 'Unknown';
  return {
    text: spec.unschedulable ? `${name},Cordoned` : name,
    tone: name === 'Ready' ? (spec.unschedulable ? 'warning' : 'good') : 'bad',
  };
}

function providersCell({status}: Stored<'Node'>): string {
  return (status?.providers ?? [])
    .map(({backend, version, ready}) => `${backend} ${version}${ready ? '' : ' (not ready)'}`)
    .join(', ');
}
