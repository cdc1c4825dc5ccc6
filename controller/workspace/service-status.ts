import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {Service} from '../../api/v1alpha1/service.ts';
import type {PortAllocation, ServiceStatus} from '../../api/v1alpha1/workspace.ts';
import {portName} from './desired.ts';

export type ServiceStatusOptions = {
  readonly services: readonly Service[];
  readonly ports: readonly PortAllocation[];
  /** Undefined where nothing current is known; `previous` then says what was. */
  readonly instance: Instance | undefined;
  readonly previous: readonly ServiceStatus[];
  /** Whether silence of the node, and not absence of the instance, is why nothing is known. */
  readonly isUnknown: boolean;
  /** Where users reach the node. */
  readonly host: string | undefined;
};

export function serviceStatuses(options: ServiceStatusOptions): ServiceStatus[] {
  return options.services.map(service => ({
    ...endpoint(service, options),
    ...observation(service, options),
  }));
}

/** Services of which it is not known just now what is declared; nor how they are, when the node is silent. */
export function forgotten(previous: readonly ServiceStatus[], isUnknown: boolean): ServiceStatus[] {
  return previous.map(service =>
    isUnknown ? {...service, status: 'Unknown' as const, health: 'Unknown' as const} : service,
  );
}

/** Whether it needs nothing more: healthy, or ended well and not to be restarted. */
export function isSatisfied(service: Service, status: ServiceStatus): boolean {
  return (
    status.status === 'Healthy' ||
    (status.status === 'Exited' && service.restart !== 'always' && (status.exitCode ?? 0) === 0)
  );
}

function endpoint(
  service: Service,
  {ports, host}: ServiceStatusOptions,
): Pick<ServiceStatus, 'name' | 'port' | 'localPort' | 'url'> {
  const localPort = ports.find(({name}) => name === portName(service.name))?.nodePort;
  const scheme = service.healthCheck?.tcp === undefined ? 'http' : 'tcp';
  return {
    name: service.name,
    ...(service.port !== undefined && {port: service.port}),
    ...(localPort !== undefined && {localPort}),
    ...(localPort !== undefined &&
      host !== undefined && {url: `${scheme}://${bracketed(host)}:${localPort}`}),
  };
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function observation(
  service: Service,
  {instance, previous, isUnknown}: ServiceStatusOptions,
): Omit<ServiceStatus, 'name' | 'port' | 'localPort' | 'url'> {
  const before = previous.find(({name}) => name === service.name);
  if (isUnknown) {
    return {
      ...(before?.lastError !== undefined && {lastError: before.lastError}),
      ...(before?.observedAt !== undefined && {observedAt: before.observedAt}),
      status: 'Unknown',
      health: 'Unknown',
      restarts: before?.restarts ?? 0,
    };
  }

  const seen =
    instance?.state === 'Running' ? instance.services.find(({name}) => name === service.name) : undefined;
  return seen === undefined
    ? {status: 'Pending', health: 'Unknown', restarts: 0}
    : {
        status: seen.state,
        health: seen.health,
        ...(seen.exitCode !== undefined && {exitCode: seen.exitCode}),
        restarts: seen.restarts,
        ...(seen.lastError !== undefined && {lastError: seen.lastError}),
        since: seen.since,
        observedAt: seen.observedAt,
      };
}
