import {createHash} from 'node:crypto';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Guest} from '../guest/guest.ts';
import {GuestError} from '../guest/guest-error.ts';
import {isLeaving} from '../instances/doors.ts';
import type {Entry} from '../instances/entry.ts';
import type {DeclaredServices} from '../instances/instance-record.ts';
import type {Probe} from '../probe.ts';
import type {ServiceEffect} from './advance.ts';
import {createHealthChecker} from './health-checker.ts';
import type {ServiceEvent} from './machine.ts';
import {step} from './machine.ts';
import type {ServiceHost, ServiceUnit, UnitExit} from './service-host.ts';
import type {Model, ServiceModel} from './service-model.ts';
import {describeServices, emptyModel} from './service-model.ts';

/** Milliseconds before a session with an instance is tried again. */
const reconnectDelay = 500;
const longestReconnectDelay = 10_000;
/** Attempts after which what was last known of services counts for nothing. */
const patience = 3;

/** Runs the services of one instance: keeps a session with it while it runs, feeds the machine, and does what the machine says. */
export type Supervisor = AsyncDisposable & {
  declare(services: DeclaredServices): void;
  /** Follows what was observed of the instance. */
  follow(): void;
  /** False when there is no such service. */
  restart(name: string): boolean;
};

export type SupervisorOptions = {
  readonly entry: Entry;
  readonly clock: Clock;
  readonly log: Logger;
  readonly guest: Guest;
  readonly probe: Probe;
  readonly changed: (entry: Entry) => void;
};

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const {entry, clock, log, guest, probe, changed} = options;
  let declared: DeclaredServices | undefined;
  let model: Model = emptyModel;
  let host: ServiceHost | undefined;
  let session:
    | {readonly abort: AbortController; readonly startedAt: string | undefined; readonly over: Promise<void>}
    | undefined;
  let alarm: Disposable | undefined;
  /** Starts and stops of one service happen one after the other. */
  const tails = new Map<string, Promise<void>>();
  const directory = () => `/home/dev/${declared?.directory ?? ''}`;
  const checker = createHealthChecker({clock, probe, address: () => entry.observed?.address, directory});

  const dispatch = (event: ServiceEvent) => {
    alarm?.[Symbol.dispose]();
    alarm = undefined;
    const now = clock.now();
    const next = step(model, event, now);
    model = next.model;
    const services = describeServices(model);
    entry.services = services;
    changed(entry);
    for (const effect of next.effects) {
      perform(effect);
    }
    if (next.wakeAt !== undefined && next.wakeAt !== Infinity) {
      alarm = clock.schedule(Math.max(next.wakeAt - now, 0), () => dispatch({type: 'Tick'}));
    }
  };

  const perform = ({type, name, run}: ServiceEffect) => {
    const service = model.services.find(({spec}) => spec.name === name);
    const on = host;
    if (service === undefined || on === undefined) {
      return;
    }
    if (type === 'Check') {
      void check(on, service, run);
      return;
    }
    const work = type === 'Start' ? () => start(on, service, run) : () => stop(on, name, run);
    const tail = (tails.get(name) ?? Promise.resolve()).then(work).finally(() => {
      if (tails.get(name) === tail) {
        tails.delete(name);
      }
    });
    tails.set(name, tail);
  };

  const start = async (on: ServiceHost, service: ServiceModel, run: number) => {
    const {name} = service.spec;
    try {
      dispatch({type: 'Started', name, run, started: await on.start(unitOf(service))});
    } catch (error) {
      if (!on.lost.aborted) {
        dispatch({type: 'StartFailed', name, run, message: reason(error)});
      }
    }
  };

  const stop = async (on: ServiceHost, name: string, run: number) => {
    try {
      await on.stop(name);
      dispatch({type: 'Stopped', name, run});
    } catch (error) {
      if (!on.lost.aborted) {
        log.warn({uid: entry.uid, service: name, error}, 'a service could not be stopped');
        dispatch({type: 'Stopped', name, run});
      }
    }
  };

  const check = async (on: ServiceHost, service: ServiceModel, run: number) => {
    const failure = await checker.check(on, service);
    if (!on.lost.aborted) {
      dispatch({type: 'Checked', name: service.spec.name, run, ...(failure === undefined ? {} : {failure})});
    }
  };

  const unitOf = ({spec, hash}: ServiceModel): ServiceUnit => ({
    name: spec.name,
    hash,
    command: spec.command,
    directory: directory(),
    env: {
      ...(spec.port === undefined ? {} : {PORT: String(spec.port)}),
      ...declared?.env,
      ...spec.env,
    },
  });

  const hold = async (signal: AbortSignal) => {
    let delay = reconnectDelay;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await using opened = await guest.services(entry.uid, signal);
        const early: UnitExit[] = [];
        using _ = opened.onExit(exit => {
          if (host !== opened) {
            early.push(exit);
          } else if (!isLeaving(entry)) {
            dispatch({type: 'Exited', exit});
          }
        });
        const units = await opened.units();
        signal.throwIfAborted();
        host = opened;
        dispatch({type: 'Up', units});
        // What ended after the units were listed; those of earlier runs are told apart by the machine.
        for (const exit of early) {
          dispatch({type: 'Exited', exit});
        }
        delay = reconnectDelay;
        failures = 0;
        await until(AbortSignal.any([opened.lost, signal]));
      } catch (error) {
        if (!signal.aborted) {
          failures += 1;
          noSession(error, failures);
        }
      }
      host = undefined;
      await clock.sleep(delay, signal).catch(() => {});
      delay = Math.min(delay * 2, longestReconnectDelay);
    }
  };

  const noSession = (error: unknown, failures: number) => {
    log.info({uid: entry.uid, error}, 'no session with the services of this instance');
    const hopeless = error instanceof GuestError && error.code === 'Unsupported';
    if (hopeless || failures >= patience) {
      entry.services = describeServices(model).map(service => ({
        ...service,
        state: hopeless ? 'Failed' : 'Unknown',
        health: 'Unknown',
        lastError: reason(error),
      }));
      changed(entry);
    }
  };

  const leave = async () => {
    const left = session;
    session = undefined;
    host = undefined;
    left?.abort.abort();
    await left?.over;
  };

  const follow = () => {
    const wanted = entry.observed?.state === 'Running' && declared !== undefined && !isLeaving(entry);
    const startedAt = entry.observed?.startedAt;
    if (session !== undefined && (!wanted || session.startedAt !== startedAt)) {
      void leave();
      dispatch({type: 'Down'});
    }
    // Nothing to run and nothing that runs needs no session.
    if (wanted && session === undefined && (declared?.services.length !== 0 || model.services.length > 0)) {
      const abort = new AbortController();
      session = {abort, startedAt, over: hold(abort.signal)};
    }
  };

  return {
    declare(services) {
      declared = services;
      dispatch({
        type: 'Declared',
        services: services.services.map(spec => ({
          spec,
          hash: hashOf({spec, env: services.env, directory: services.directory}),
        })),
      });
      follow();
    },
    follow,
    restart(name) {
      if (!model.services.some(({spec, removed}) => spec.name === name && !removed)) {
        return false;
      }
      dispatch({type: 'RestartAsked', name});
      return true;
    },
    async [Symbol.asyncDispose]() {
      alarm?.[Symbol.dispose]();
      await leave();
      alarm?.[Symbol.dispose]();
    },
  };
}

/** What makes a service run; dependencies and checks may change without touching the process. */
function hashOf({
  spec,
  env,
  directory,
}: {
  spec: ServiceModel['spec'];
  env: object;
  directory: string;
}): string {
  const {command, port, env: own} = spec;
  return createHash('sha256')
    .update(JSON.stringify([command, port, own, env, directory]))
    .digest('hex')
    .slice(0, 16);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function until(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) {
    await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), {once: true}));
  }
}
