import {parseDuration} from '../../api/v1alpha1/duration.ts';
import type {Service} from '../../api/v1alpha1/service.ts';

export type CheckTarget =
  | {readonly type: 'http'; readonly port: number; readonly path: string}
  | {readonly type: 'tcp'; readonly port: number}
  | {readonly type: 'command'; readonly command: string}
  | {readonly type: 'process'};

/** How a service's health is judged; times in milliseconds. */
export type CheckPlan = {
  readonly target: CheckTarget;
  readonly interval: number;
  readonly timeout: number;
  readonly retries: number;
  readonly startPeriod: number;
};

/** The limit of SPEC: a check takes less than 5 s, whatever it was given. */
const longestTimeout = 4900;
const shortestInterval = 100;

export function checkPlan(service: Service): CheckPlan {
  const check = service.healthCheck;
  return {
    target: targetOf(service),
    interval: Math.max(parseDuration(check?.interval ?? '5s'), shortestInterval),
    timeout: Math.min(Math.max(parseDuration(check?.timeout ?? '2s'), 1), longestTimeout),
    retries: check?.retries ?? 3,
    startPeriod: parseDuration(check?.startPeriod ?? '30s'),
  };
}

function targetOf({port, healthCheck: check}: Service): CheckTarget {
  const httpPort = check?.port ?? port;
  if (check?.http !== undefined && httpPort !== undefined) {
    return {type: 'http', port: httpPort, path: check.http};
  }
  if (check?.tcp !== undefined) {
    return {type: 'tcp', port: check.tcp};
  }
  if (check?.command !== undefined) {
    return {type: 'command', command: check.command};
  }
  return check?.process === true || port === undefined ? {type: 'process'} : {type: 'tcp', port};
}

/**
 * Milliseconds until the next check of a service that has not been healthy yet: a tenth of the time it has taken so far, so that its health
 * shows soon after it is true without hammering one that takes minutes.
 */
export function startingInterval(elapsed: number, interval: number): number {
  return Math.min(Math.max(elapsed / 10, 100), Math.max(interval, 100), 1000);
}
