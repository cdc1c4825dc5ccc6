import {age} from '../../api/v1alpha1/age.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Column, Row} from './row.ts';

export const serviceColumns: readonly Column[] = [
  {title: 'WORKSPACE', minimum: 16, grow: 1},
  {title: 'SERVICE', minimum: 12, grow: 1},
  {title: 'STATE', minimum: 9},
  {title: 'PORT', minimum: 6},
  {title: 'URL', minimum: 24, grow: 1},
  {title: 'RESTARTS', minimum: 8},
  {title: 'SINCE', minimum: 6},
  {title: 'LAST ERROR', minimum: 20, grow: 5},
];

/** One row for each service of the workspace. */
export function serviceRows(workspace: Stored<'Workspace'>, now: number): Row[] {
  return (workspace.status?.services ?? []).map(service => ({
    id: `${workspace.metadata.name}/${service.name}`,
    cells: [
      {text: workspace.metadata.name},
      {text: service.name},
      {
        text: service.status,
        tone: service.status === 'Healthy' ? 'good' : service.health === 'Unhealthy' ? 'bad' : 'busy',
      },
      {text: service.port === undefined ? '-' : `${service.port}`, order: service.port ?? 0},
      {text: service.url ?? '-'},
      {text: `${service.restarts}`, order: service.restarts, tone: service.restarts > 0 ? 'busy' : 'plain'},
      {text: age(service.since, now), order: service.since === undefined ? 0 : -Date.parse(service.since)},
      {text: service.lastError ?? '', tone: 'quiet'},
    ],
  }));
}
