import {age} from '../../api/v1alpha1/age.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Column, Row} from './row.ts';

export const nodeColumns: readonly Column[] = [
  {title: 'NAME', minimum: 16, grow: 2},
  {title: 'READY', minimum: 7},
  {title: 'SCHEDULABLE', minimum: 11},
  {title: 'HEARTBEAT', minimum: 9},
  {title: 'PROVIDERS', minimum: 14, grow: 2},
  {title: 'CPUS', minimum: 4},
  {title: 'MEMORY', minimum: 8},
  {title: 'WORKSPACES', minimum: 10},
  {title: 'MESSAGE', minimum: 20, grow: 4},
];

export function nodeRow(node: Stored<'Node'>, now: number): Row {
  const {metadata, spec, status} = node;
  const ready = findCondition(status?.conditions, 'Ready');
  return {
    id: metadata.name,
    cells: [
      {text: metadata.name},
      {text: ready?.status ?? '-', tone: ready?.status === 'True' ? 'good' : 'bad'},
      {text: spec.unschedulable ? 'no' : 'yes', tone: spec.unschedulable ? 'busy' : 'plain'},
      {
        text: age(status?.heartbeatAt, now),
        order: -Date.parse(status?.heartbeatAt ?? metadata.creationTimestamp),
      },
      {text: status?.providers?.map(({backend, version}) => `${backend} ${version}`).join(', ') ?? '-'},
      {text: `${status?.capacity?.cpus ?? '-'}`, order: status?.capacity?.cpus ?? 0},
      {
        text: status?.capacity === undefined ? '-' : `${(status.capacity.memory / 2 ** 30).toFixed(1)}GiB`,
        order: status?.capacity?.memory ?? 0,
      },
      {text: `${status?.workspaces ?? 0}`, order: status?.workspaces ?? 0},
      {text: ready === undefined || ready.status === 'True' ? '' : ready.message, tone: 'quiet'},
    ],
  };
}
