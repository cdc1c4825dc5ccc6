import {age} from '../../../api/v1alpha1/age.ts';
import {findCondition} from '../../../api/v1alpha1/condition.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import type {WorkspacePhase} from '../../../api/v1alpha1/workspace.ts';
import type {Tone} from '../style.ts';
import type {Cell, Column} from '../table.ts';

export const phaseTones: Readonly<Record<WorkspacePhase, Tone>> = {
  Pending: 'warning',
  Creating: 'warning',
  Running: 'good',
  Stopped: 'dim',
  Error: 'bad',
  Deleting: 'warning',
  Unknown: 'bad',
};

export function phaseOf({metadata, status}: Stored<'Workspace'>): WorkspacePhase {
  return metadata.deletionTimestamp === undefined ? (status?.phase ?? 'Pending') : 'Deleting';
}

export const workspaceColumns: readonly Column<Stored<'Workspace'>>[] = [
  {header: 'NAME', cell: ({metadata}) => metadata.name},
  {header: 'PHASE', cell: phaseCell},
  {header: 'READY', cell: readyCell},
  {header: 'NODE', cell: nodeCell},
  {header: 'SSH', cell: sshCell},
  {header: 'AGE', cell: ({metadata}, now) => age(metadata.creationTimestamp, now)},
  {header: 'OWNER', wide: true, cell: ({spec}) => spec.owner},
  {header: 'IMAGE', wide: true, cell: ({spec}) => spec.image},
  {header: 'REPOSITORY', wide: true, cell: ({spec}) => spec.repo?.name ?? ''},
  {header: 'COMMIT', wide: true, cell: ({status}) => status?.repo?.commit?.slice(0, 9) ?? ''},
  {header: 'SERVICES', wide: true, cell: servicesCell},
  {header: 'GATEWAY', wide: true, cell: gatewayCell},
  {header: 'REASON', wide: true, cell: reasonCell},
];

/** How old the evidence is, once it is too old to call the workspace anything. */
function phaseCell(workspace: Stored<'Workspace'>, now: number): Cell {
  const phase = phaseOf(workspace);
  const seen = workspace.status?.observedAt;
  const text =
    phase === 'Unknown'
      ? `Unknown (${seen === undefined ? 'never seen' : `seen ${age(seen, now)} ago`})`
      : phase;
  return {text, tone: phaseTones[phase]};
}

function nodeCell({status}: Stored<'Workspace'>): Cell {
  const {node = '', migration} = status ?? {};
  return migration?.phase === 'Copying'
    ? {text: `${node} → ${migration.target}`, tone: 'warning'}
    : {text: node};
}

function readyCell({status}: Stored<'Workspace'>): Cell {
  const ready = findCondition(status?.conditions, 'Ready')?.status ?? 'Unknown';
  return {text: ready, tone: ready === 'True' ? 'good' : undefined};
}

function sshCell({status}: Stored<'Workspace'>): string {
  const {host, port, gateway} = status?.ssh ?? {};
  if (host !== undefined && port !== undefined) {
    return `${host}:${port}`;
  }

  return gateway === undefined ? '' : 'gateway';
}

function gatewayCell({status}: Stored<'Workspace'>): string {
  const {gateway} = status?.ssh ?? {};
  return gateway === undefined ? '' : `${gateway.host ?? ''}:${gateway.port}`;
}

function servicesCell({status}: Stored<'Workspace'>): Cell {
  const services = status?.services ?? [];
  const healthy = services.filter(({health}) => health === 'Healthy').length;
  return {
    text: services.length === 0 ? '' : `${healthy}/${services.length}`,
    tone: healthy < services.length ? 'warning' : undefined,
  };
}

function reasonCell({status}: Stored<'Workspace'>): string {
  const ready = findCondition(status?.conditions, 'Ready');
  return ready === undefined || ready.status === 'True' ? '' : ready.reason;
}
