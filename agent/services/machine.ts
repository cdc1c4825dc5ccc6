import type {Service} from '../../api/v1alpha1/service.ts';
import {startOrder} from '../../api/v1alpha1/service-graph.ts';
import type {Step} from './advance.ts';
import {advance} from './advance.ts';
import {backOff, resetAfter} from './back-off.ts';
import {checked} from './checked.ts';
import {checkPlan} from './health-check.ts';
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
