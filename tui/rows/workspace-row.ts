import {age} from '../../api/v1alpha1/age.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {WorkspacePhase} from '../../api/v1alpha1/workspace.ts';
import type {Column, Row, Tone} from './row.ts';

export const workspaceColumns: readonly Column[] = [
  {title: 'NAME', minimum: 16, grow: 2},
  {title: 'PHASE', minimum: 9},
  {title: 'READY', minimum: 7},
  {title: 'SERVICES', minimum: 9},
  {title: 'NODE', minimum: 8, grow: 1},
  {title: 'SSH', minimum: 6},
  {title: 'AGE', minimum: 6},
  {title: 'OWNER', minimum: 8, grow: 1},
  {title: 'MESSAGE', minimum: 20, grow: 6},
];

const toneOfPhase: Record<WorkspacePhase, Tone> = {
  Pending: 'busy',
  Creating: 'busy',
  Running: 'good',
  Stopped: 'quiet',
  Error: 'bad',
  Deleting: 'busy',
  Unknown: 'bad',
};

export function workspaceRow(workspace: Stored<'Workspace'>, now: number): Row {
  const {metadata, spec, status} = workspace;
  const phase = metadata.deletionTimestamp === undefined ? (status?.phase ?? 'Pending') : 'Deleting';
  const ready = findCondition(status?.conditions, 'Ready');
  const services = status?.services ?? [];
  const healthy = services.filter(({health}) => health === 'Healthy').length;
  return {
    id: metadata.name,
    cells: [
      {text: metadata.name},
      {text: phase, tone: toneOfPhase[phase]},
      {text: ready?.status ?? '-', tone: ready?.status === 'True' ? 'good' : 'plain'},
      {
        text: services.length === 0 ? '-' : `${healthy}/${services.length}`,
        tone: healthy === services.length ? 'plain' : 'busy',
        order: services.length - healthy,
      },
      {text: placeText(status)},
      {text: sshText(workspace), order: status?.ssh?.port ?? 0},
      {text: age(metadata.creationTimestamp, now), order: -Date.parse(metadata.creationTimestamp)},
      {text: spec.owner},
      {text: ready === undefined || ready.status === 'True' ? '' : ready.message, tone: 'quiet'},
    ],
  };
}

/** The port of the node, or that there is another way in. */
function sshText({status}: Stored<'Workspace'>): string {
  const {port, gateway} = status?.ssh ?? {};
  return port === undefined ? (gateway === undefined ? '-' : 'gate') : `:${port}`;
}

/** Where it is, and where it goes while it is being moved. */
function placeText(status: Stored<'Workspace'>['status']): string {
  const {node = '-', migration} = status ?? {};
  return migration?.phase === 'Copying' ? `${node} → ${migration.target}` : node;
}
