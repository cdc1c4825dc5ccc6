import {startingInterval} from './health-check.ts';
import type {ServiceModel} from './service-model.ts';
import {enter} from './service-model.ts';

/** A service after a check; `failure` says why it failed, undefined that it passed. */
export function checked(service: ServiceModel, failure: string | undefined, now: number): ServiceModel {
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
