import type {Service} from '../../api/v1alpha1/service.ts';
import {startOrder} from '../../api/v1alpha1/service-graph.ts';
import {backOff, resetAfter} from './back-off.ts';
import {checkPlan, startingInterval} from './health-check.ts';
import type {Started, UnitExit, UnitStatus} from './service-host.ts';
import type {Model, ServiceModel} from './service-model.ts';
import {enter, idle, newService} from './service-model.ts';

export type ServiceEvent =
  /** The whole set that should run. */
  | {readonly type: 'Declared'; readonly services: readonly {readonly spec: Service; readonly hash: string}[]}
  /** A session with the running instance is there. */
  | {readonly type: 'Up'; readonly units: readonly UnitStatus[]}
  /** The instance stopped: nothing in it runs. */
  | {readonly type: 'Down'}
  | {readonly type: 'Started'; readonly name: string; readonly run: number; readonly started: Started}
  | {readonly type: 'StartFailed'; readonly name: string; readonly run: number; readonly message: string}
  | {readonly type: 'Stopped'; readonly name: string; readonly run: number}
  | {readonly type: 'Exited'; readonly exit: UnitExit}
  | {readonly type: 'Checked'; readonly name: string; readonly run: number; readonly failure?: string}
  | {readonly type: 'RestartAsked'; readonly name: string}
  /** Time has passed. */
  | {readonly type: 'Tick'};

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

/** A process that is only checked for running counts as healthy once it has run for so long: one that crashes at once never does. */
const settlingTime = 500;

/** What services do next: pure, so that every order of events can be tried. */
export function step(model: Model, event: ServiceEvent, now: number): Step {
  return advance(absorb(model, event, now), now);
}

function absorb(model: Model, event: ServiceEvent, now: number): Model {
  switch (event.type) {
    case 'Declared':
      return declare(model, event.services, now);
    case 'Up':
      return {
        up: true,
        services: [
          ...model.services.map(service => adopt(service, event.units, now)),
          ...event.units
            .filter(
              unit => unit.exit === undefined && !model.services.some(({spec}) => spec.name === unit.name),
            )
            .map(unit => stray(unit, now)),
        ],
      };
    case 'Down':
      return {
        up: false,
        services: model.services
          .filter(({removed}) => !removed)
          .map(service =>
            enter({...idle(service), run: service.run + 1, crashes: 0, observedAt: now}, 'Pending', now),
          ),
      };
    case 'Started':
      return update(model, event, service => started(service, event.started, now));
    case 'StartFailed':
      return update(model, event, service =>
        service.phase === 'Starting'
          ? exited(service, {exitCode: undefined, message: event.message}, now)
          : service,
      );
    case 'Stopped':
      return update(
        {
          ...model,
          services: model.services.filter(({spec, removed}) => !(removed && spec.name === event.name)),
        },
        event,
        service => enter({...idle(service), run: service.run + 1, crashes: 0, retryAt: 0}, 'Pending', now),
      );
    case 'Exited':
      return update(model, {name: event.exit.name}, service => absorbExit(service, event.exit, now));
    case 'Checked':
      return update(model, event, service => checked(service, event.failure, now));
    case 'RestartAsked':
      return update(model, event, service =>
        service.phase === 'Idle'
          ? enter({...service, crashes: 0, retryAt: 0}, 'Pending', now)
          : {...service, phase: 'Stopping', run: service.run + 1},
      );
    case 'Tick':
      return model;
  }
}

function update(
  model: Model,
  {name, run}: {name: string; run?: number},
  change: (service: ServiceModel) => ServiceModel,
): Model {
  return {
    ...model,
    services: model.services.map(service =>
      service.spec.name === name && (run === undefined || run === service.run) ? change(service) : service,
    ),
  };
}

function declare(
  model: Model,
  declared: readonly {readonly spec: Service; readonly hash: string}[],
  now: number,
): Model {
  const specs = declared.map(({spec}) => spec);
  const kept = startOrder(specs).flatMap(name => {
    const wanted = declared.find(({spec}) => spec.name === name);
    const known = model.services.find(({spec}) => spec.name === name);
    if (wanted === undefined) {
      return [];
    }
    if (known === undefined) {
      return [newService(wanted.spec, wanted.hash, now)];
    }
    return known.hash === wanted.hash && !known.removed
      ? [{...known, spec: wanted.spec, check: checkPlan(wanted.spec)}]
      : [replaced(known, wanted, now)];
  });
  const gone = model.services
    .filter(({spec}) => !specs.some(({name}) => name === spec.name))
    // Without a session there is nothing that runs, or it is found again, and stopped, by the next session.
    .filter(() => model.up)
    .map(service => ({...service, removed: true, phase: 'Stopping' as const, run: service.run + 1}));
  return {...model, services: [...kept, ...gone]};
}

function replaced(
  known: ServiceModel,
  {spec, hash}: {spec: Service; hash: string},
  now: number,
): ServiceModel {
  const next = {...newService(spec, hash, now), run: known.run + 1, restarts: known.restarts};
  return known.phase === 'Idle' ? next : {...next, state: known.state, since: known.since, phase: 'Stopping'};
}

/** A service that was removed while there was no session. */
function stray({name, hash}: UnitStatus, now: number): ServiceModel {
  const spec: Service = {name, command: 'false', dependsOn: [], restart: 'never', env: {}};
  return {...newService(spec, hash, now), removed: true, phase: 'Stopping'};
}

/** Takes over what already runs, after the agent or the session was away. */
function adopt(service: ServiceModel, units: readonly UnitStatus[], now: number): ServiceModel {
  if (service.phase === 'Stopping') {
    return {...service, run: service.run + 1, checking: false};
  }
  const unit = units.find(({name}) => name === service.spec.name);
  const fresh = {...idle(service), run: service.run + 1, observedAt: now};
  if (unit === undefined) {
    return service.phase === 'Idle' ? service : enter(fresh, 'Pending', now);
  }
  if (unit.hash !== service.hash) {
    return unit.exit === undefined ? {...fresh, phase: 'Stopping'} : enter(fresh, 'Pending', now);
  }
  if (unit.exit !== undefined) {
    const told = service.phase === 'Idle' && service.state !== 'Pending';
    return told ? service : exited({...fresh, startedAt: now}, unit.exit, now);
  }
  if (service.phase === 'Running' && service.invocation === unit.invocation) {
    return {...service, run: service.run + 1, checking: false, nextCheckAt: now};
  }
  return {
    ...enter(fresh, 'Starting', now),
    ...(unit.pid === undefined ? {} : {pid: unit.pid}),
    phase: 'Running',
    invocation: unit.invocation,
    startedAt: now,
    nextCheckAt: now,
  };
}

function started(service: ServiceModel, {invocation, pid}: Started, now: number): ServiceModel {
  if (service.phase !== 'Starting') {
    return service;
  }
  const {earlyExit, ...rest} = service;
  const running: ServiceModel = {
    ...rest,
    ...(pid === undefined ? {} : {pid}),
    phase: 'Running',
    invocation,
    startedAt: now,
    observedAt: now,
    nextCheckAt: service.check.target.type === 'process' ? now + settlingTime : now,
  };
  return earlyExit?.invocation === invocation ? exited(running, earlyExit, now) : running;
}

function absorbExit(service: ServiceModel, exit: UnitExit, now: number): ServiceModel {
  if (service.phase === 'Starting') {
    return {...service, earlyExit: exit};
  }
  return service.phase === 'Running' && service.invocation === exit.invocation
    ? exited(service, exit, now)
    : service;
}

function exited(
  service: ServiceModel,
  {exitCode, message}: {exitCode: number | undefined; message: string},
  now: number,
): ServiceModel {
  const {exitCode: _, lastError: __, ...rest} = idle(service);
  const crashes = (now - service.startedAt >= resetAfter && service.wasHealthy ? 0 : service.crashes) + 1;
  const over: ServiceModel = {
    ...rest,
    ...(exitCode === undefined ? {} : {exitCode}),
    ...(exitCode === 0 ? {} : {lastError: message}),
    run: service.run + 1,
    observedAt: now,
    crashes,
  };
  const {restart} = service.spec;
  if (restart === 'never' || (restart === 'on-failure' && exitCode === 0)) {
    return enter(over, exitCode === 0 ? 'Exited' : 'Failed', now);
  }
  return enter({...over, retryAt: now + backOff(crashes)}, 'BackOff', now);
}

function checked(service: ServiceModel, failure: string | undefined, now: number): ServiceModel {
  if (service.phase !== 'Running') {
    return service;
  }
  const seen = {...service, checking: false, observedAt: now};
  if (failure === undefined) {
    const {lastError: _, ...cured} = seen;
    const recovered = service.crashes === 0 || service.state === 'Unhealthy' ? cured : seen;
    return enter(
      {
        ...recovered,
        health: 'Healthy',
        wasHealthy: true,
        failedChecks: 0,
        nextCheckAt: now + service.check.interval,
      },
      'Healthy',
      now,
    );
  }

  const elapsed = now - service.startedAt;
  if (!service.wasHealthy && elapsed < service.check.startPeriod) {
    return {...seen, nextCheckAt: now + startingInterval(elapsed, service.check.interval)};
  }
  const failedChecks = service.failedChecks + 1;
  const failing = {...seen, failedChecks, nextCheckAt: now + service.check.interval};
  return failedChecks < service.check.retries
    ? failing
    : enter({...failing, health: 'Unhealthy', lastError: failure}, 'Unhealthy', now);
}

/** Does what can be done now, and says when there is more. */
function advance(model: Model, now: number): Step {
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
