import type {Clock} from '../../api/effects/clock.ts';
import type {Probe} from '../probe.ts';
import {RefusedError} from '../probe.ts';
import type {CheckPlan} from './health-check.ts';
import type {ServiceHost} from './service-host.ts';
import type {ServiceModel} from './service-model.ts';

/** Looks once whether a service is healthy. */
export type HealthChecker = {
  /** Why it is not; undefined when it is. Takes no longer than the check's timeout. Never rejects. */
  check(host: ServiceHost, service: ServiceModel): Promise<string | undefined>;
};

export type HealthCheckerOptions = {
  readonly clock: Clock;
  readonly probe: Probe;
  readonly address: () => string | undefined;
  /** Where commands run; absolute. */
  readonly directory: () => string;
};

export function createHealthChecker({clock, probe, address, directory}: HealthCheckerOptions): HealthChecker {
  /** From the node first, which costs the instance nothing; from inside when the service listens on the loopback only. */
  const nearest = async <T>(
    fromNode: (at: string) => Promise<T>,
    fromInside: () => Promise<T>,
  ): Promise<T> => {
    const at = address();
    if (at === undefined) {
      return fromInside();
    }
    try {
      return await fromNode(at);
    } catch (error) {
      if (error instanceof RefusedError) {
        return fromInside();
      }
      throw error;
    }
  };

  const look = async (host: ServiceHost, service: ServiceModel, signal: AbortSignal) => {
    const {target, timeout}: CheckPlan = service.check;
    switch (target.type) {
      case 'http': {
        const status = await nearest(
          at => probe.http(at, target, signal),
          () => host.checkHttp(target, timeout),
        );
        if (status < 200 || status > 399) {
          throw new Error(`GET ${target.path} on port ${target.port} answered ${status}`);
        }
        return;
      }
      case 'tcp':
        await nearest(
          at => probe.tcp(at, target.port, signal),
          () => host.checkTcp(target.port, timeout),
        );
        return;
      case 'command':
        await host.checkCommand(
          {service: service.spec.name, command: target.command, directory: directory()},
          timeout,
        );
        return;
      case 'process':
        return;
    }
  };

  return {
    async check(host, service) {
      const {timeout} = service.check;
      const late = new AbortController();
      using _ = clock.schedule(timeout, () => late.abort(new Error(`no answer within ${timeout} ms`)));
      const lateness = new Promise<never>((_resolve, reject) => {
        late.signal.addEventListener('abort', () => reject(late.signal.reason), {once: true});
      });
      try {
        await Promise.race([look(host, service, late.signal), lateness]);
        return undefined;
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    },
  };
}
