import {resetAfter} from './back-off.ts';
import {checked} from './checked.ts';
import type {Model, ServiceModel} from './service-model.ts';
import {enter} from './service-model.ts';

/** What is to be done with a service; its outcome comes back as an event with the same `run`. */
export type ServiceEffect = {
  readonly type: 'Start' | 'Stop' | 'Check';
  readonly name: string;
  readonly run: number;
};

export type Step = {
  readonly model: Model;
  readonly effects: readonly ServiceEffect[];
  /** When to come back with a Tick, if nothing happens before. */
  readonly wakeAt: number | undefined;
};

/** Does what can be done now, and says when there is more. */
export function advance(model: Model, now: number): Step {
  if (!model.up) {
    return {model, effects: [], wakeAt: undefined};
  }
  const effects: ServiceEffect[] = [];
  const times: number[] = [];
  const services: ServiceModel[] = [];
  for (const service of model.services) {
    const next = advanceOne(service, model.services, now);
    services.push(next.service);
    if (next.effect !== undefined) {
      effects.push({type: next.effect, name: service.spec.name, run: next.service.run});
    }
    if (next.wakeAt !== undefined) {
      times.push(next.wakeAt);
    }
  }
  return {
    model: {...model, services},
    effects,
    wakeAt: times.length === 0 ? undefined : Math.min(...times),
  };
}

type Advance = {service: ServiceModel; effect?: ServiceEffect['type']; wakeAt?: number};

function advanceOne(service: ServiceModel, all: readonly ServiceModel[], now: number): Advance {
  switch (service.phase) {
    case 'Starting':
      return {service};
    case 'Stopping':
      return service.checking ? {service} : {service: {...service, checking: true}, effect: 'Stop'};
    case 'Running':
      return advanceRunning(service, now);
    case 'Idle':
      return advanceIdle(service, all, now);
  }
}

function advanceRunning(service: ServiceModel, now: number): Advance {
  const settled = service.state === 'Healthy' && now - service.startedAt >= resetAfter;
  const {lastError: _, ...forgiven} = service;
  const present = settled && service.crashes > 0 ? {...forgiven, crashes: 0} : service;
  const resetAt =
    present.crashes > 0 && service.state === 'Healthy' ? service.startedAt + resetAfter : Infinity;
  if (service.checking) {
    return resetAt === Infinity ? {service: present} : {service: present, wakeAt: resetAt};
  }
  if (now < service.nextCheckAt) {
    return {service: present, wakeAt: Math.min(service.nextCheckAt, resetAt)};
  }
  if (service.check.target.type !== 'process') {
    return {service: {...present, checking: true}, effect: 'Check'};
  }
  // That it runs is known without asking: its exit would have been told.
  const healthy = service.state === 'Healthy' ? present : checked(present, undefined, now);
  return resetAt === Infinity
    ? {service: {...healthy, nextCheckAt: Infinity}}
    : {service: {...healthy, nextCheckAt: resetAt}, wakeAt: resetAt};
}

function advanceIdle(service: ServiceModel, all: readonly ServiceModel[], now: number): Advance {
  if (service.state === 'Exited' || service.state === 'Failed') {
    return {service};
  }
  if (service.state === 'BackOff' && now < service.retryAt) {
    return {service, wakeAt: service.retryAt};
  }
  const missing = service.spec.dependsOn.filter(
    name => !all.some(other => other.spec.name === name && satisfies(other)),
  );
  if (missing.length > 0) {
    return {service: enter(service, 'Waiting', now)};
  }
  const {earlyExit: _, invocation: __, ...rest} = service;
  return {
    service: enter(
      {
        ...rest,
        phase: 'Starting',
        run: service.run + 1,
        restarts: service.restarts + (service.state === 'BackOff' || service.crashes > 0 ? 1 : 0),
      },
      'Starting',
      now,
    ),
    effect: 'Start',
  };
}

/** A dependency is there once it is healthy, or did what it had to do. */
function satisfies(dependency: ServiceModel): boolean {
  return (
    !dependency.removed &&
    (dependency.state === 'Healthy' || (dependency.state === 'Exited' && dependency.exitCode === 0))
  );
}
