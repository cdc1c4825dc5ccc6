import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import {timestampAt} from '../../api/effects/clock.ts';
import type {Service, ServiceState} from '../../api/v1alpha1/service.ts';
import type {CheckPlan} from './health-check.ts';
import {checkPlan} from './health-check.ts';
import type {Invocation, UnitExit} from './service-host.ts';

/** What is known of one service. Times are milliseconds since 1970. */
export type ServiceModel = {
  readonly spec: Service;
  readonly hash: string;
  readonly check: CheckPlan;
  readonly state: ServiceState;
  readonly health: 'Healthy' | 'Unhealthy' | 'Unknown';
  readonly since: number;
  readonly observedAt: number;
  readonly restarts: number;
  readonly pid?: number;
  readonly exitCode?: number;
  readonly lastError?: string;

  /** Counts starts, so that the answer to something that was asked of an earlier run is told apart. */
  readonly run: number;
  readonly phase: 'Idle' | 'Starting' | 'Running' | 'Stopping';
  /** To be stopped and forgotten. */
  readonly removed: boolean;
  /** Of the present run, once the host has told. */
  readonly invocation?: Invocation;
  /** An exit that was told before the start that it belongs to was answered. */
  readonly earlyExit?: UnitExit;
  readonly startedAt: number;
  readonly wasHealthy: boolean;
  readonly failedChecks: number;
  /** Exits in a row; decides the back-off. */
  readonly crashes: number;
  readonly retryAt: number;
  readonly nextCheckAt: number;
  readonly checking: boolean;
};

export type Model = {
  /** Whether there is a session with a running instance. */
  readonly up: boolean;
  /** Dependencies first. */
  readonly services: readonly ServiceModel[];
};

export const emptyModel: Model = {up: false, services: []};

export function newService(spec: Service, hash: string, now: number): ServiceModel {
  return {
    spec,
    hash,
    check: checkPlan(spec),
    state: 'Pending',
    health: 'Unknown',
    since: now,
    observedAt: now,
    restarts: 0,
    run: 0,
    phase: 'Idle',
    removed: false,
    startedAt: 0,
    wasHealthy: false,
    failedChecks: 0,
    crashes: 0,
    retryAt: 0,
    nextCheckAt: 0,
    checking: false,
  };
}

/** In `state` since now, unless it was already. */
export function enter(service: ServiceModel, state: ServiceState, now: number): ServiceModel {
  return service.state === state ? service : {...service, state, since: now};
}

/** With no trace of a run; what is known of its failures stays. */
export function idle({pid: _, invocation: __, earlyExit: ___, ...service}: ServiceModel): ServiceModel {
  return {...service, phase: 'Idle', health: 'Unknown', checking: false, wasHealthy: false, failedChecks: 0};
}

export function describeServices(model: Model): Instance['services'] {
  return model.services
    .filter(({removed}) => !removed)
    .map(({spec, state, health, restarts, since, observedAt, pid, exitCode, lastError}) => ({
      name: spec.name,
      state,
      health,
      restarts,
      since: timestampAt(since),
      observedAt: timestampAt(observedAt),
      ...(pid === undefined ? {} : {pid}),
      ...(exitCode === undefined ? {} : {exitCode}),
      ...(lastError === undefined ? {} : {lastError}),
    }));
}
