import {findCondition} from '../v1alpha1/condition.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import type {Service} from '../v1alpha1/service.ts';
import type {ServiceStatus, WorkspacePhase} from '../v1alpha1/workspace.ts';
import type {ServiceView, WorkspaceAccepted, WorkspaceState, WorkspaceView} from './workspace-messages.ts';

const stateOfPhase: Readonly<Record<WorkspacePhase, WorkspaceState>> = {
  Pending: 'pending',
  Creating: 'creating',
  Running: 'running',
  Stopped: 'stopped',
  Error: 'error',
  Deleting: 'deleting',
  Unknown: 'unknown',
};

export function workspaceState({metadata, status}: Stored<'Workspace'>): WorkspaceState {
  return metadata.deletionTimestamp === undefined ? stateOfPhase[status?.phase ?? 'Pending'] : 'deleting';
}

export function acceptedView(workspace: Stored<'Workspace'>): WorkspaceAccepted {
  return {
    workspace_id: workspace.metadata.uid,
    name: workspace.metadata.name,
    status: workspaceState(workspace),
    ssh_port: workspace.status?.ssh?.port ?? sshNodePort(workspace) ?? null,
  };
}

export function workspaceView(workspace: Stored<'Workspace'>): WorkspaceView {
  const {metadata, spec, status = {}} = workspace;
  const {ssh} = status;
  return {
    workspace_id: metadata.uid,
    name: metadata.name,
    owner: spec.owner,
    status: workspaceState(workspace),
    ready: findCondition(status.conditions, 'Ready')?.status === 'True',
    provider: spec.provider,
    image: spec.image,
    node: status.node ?? null,
    ssh:
      ssh === undefined
        ? null
        : {
            host: ssh.host ?? null,
            port: ssh.port ?? null,
            username: ssh.username,
            host_key: ssh.hostKey ?? null,
            gateway:
              ssh.gateway === undefined ? null : {host: ssh.gateway.host ?? null, port: ssh.gateway.port},
          },
    services: serviceViews(workspace),
    repo:
      spec.repo === undefined
        ? null
        : {
            owner: spec.repo.owner ?? null,
            name: spec.repo.name,
            branch: status.repo?.branch ?? spec.repo.branch ?? null,
            commit: status.repo?.commit ?? null,
          },
    conditions: status.conditions ?? [],
    created_at: metadata.creationTimestamp,
    observed_at: status.observedAt ?? null,
  };
}

/** Declared ones, as last seen; then those that only the repository's own configuration names. */
export function serviceViews({spec, status}: Stored<'Workspace'>): ServiceView[] {
  const seen = status?.services ?? [];
  const declared = spec.services.map(service =>
    serviceView(
      service,
      seen.find(({name}) => name === service.name),
    ),
  );
  const names = new Set(spec.services.map(({name}) => name));
  return [
    ...declared,
    ...seen.filter(({name}) => !names.has(name)).map(service => serviceView(service, service)),
  ];
}

function serviceView(
  {name, port}: Pick<Service, 'name' | 'port'>,
  status: ServiceStatus | undefined,
): ServiceView {
  return {
    name,
    port: port ?? null,
    local_port: status?.localPort ?? null,
    health_status: healthStatus[status?.health ?? 'Unknown'],
    status: status?.status ?? 'Pending',
    url: status?.url ?? null,
    restarts: status?.restarts ?? 0,
    exit_code: status?.exitCode ?? null,
    last_error: status?.lastError ?? null,
    observed_at: status?.observedAt ?? null,
  };
}

const healthStatus = {Healthy: 'healthy', Unhealthy: 'unhealthy', Unknown: 'unknown'} as const;

function sshNodePort({status}: Stored<'Workspace'>): number | undefined {
  return status?.ports?.find(({name}) => name === 'ssh')?.nodePort;
}
