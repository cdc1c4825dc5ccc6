import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {Params} from '../../api/agent/v1alpha1/messages.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Guest} from '../guest/guest.ts';
import type {Entry} from '../instances/entry.ts';
import {describeInstance} from '../instances/instance-view.ts';
import type {Registry} from '../instances/registry.ts';
import type {Probe} from '../probe.ts';
import type {Supervisor} from './supervisor.ts';
import {createSupervisor} from './supervisor.ts';

/** The supervisors of all instances for which services are declared. */
export type Supervisors = AsyncDisposable & {
  apply(params: Params<'services/apply'>): Instance;
  restart(uid: string, service: string): Instance;
  /** Takes up what was declared before the agent was restarted. */
  restore(entry: Entry): void;
  follow(entry: Entry): void;
  release(entry: Entry): Promise<void>;
};

export type SupervisorsOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly guest: Guest;
  readonly probe: Probe;
  readonly registry: Registry;
  readonly changed: (entry: Entry) => void;
};

export function createSupervisors(options: SupervisorsOptions): Supervisors {
  const {log, guest, registry, changed} = options;
  const supervisors = new Map<string, Supervisor>();
  /** Variables that logins of the present run have. */
  const loginVariables = new Map<string, string>();

  const ensure = (entry: Entry): Supervisor => {
    const existing = supervisors.get(entry.uid);
    if (existing !== undefined) {
      return existing;
    }
    const supervisor = createSupervisor({...options, entry});
    supervisors.set(entry.uid, supervisor);
    return supervisor;
  };

  const release = async (entry: Entry) => {
    const supervisor = supervisors.get(entry.uid);
    supervisors.delete(entry.uid);
    loginVariables.delete(entry.uid);
    await supervisor?.[Symbol.asyncDispose]();
    entry.services = [];
  };

  const writeLoginVariables = (entry: Entry) => {
    const {observed, record, sshReady, operation} = entry;
    const env = record.services?.env ?? record.spec?.env ?? {};
    const wanted = JSON.stringify(env);
    const known = loginVariables.get(entry.uid) ?? '{}';
    if (observed?.state !== 'Running' || !sshReady || wanted === known || operation?.kind === 'Stop') {
      return;
    }
    loginVariables.set(entry.uid, wanted);
    guest.setEnvironment(entry.uid, env, new AbortController().signal).catch((error: unknown) => {
      log.warn({uid: entry.uid, error}, 'the variables for logins could not be written');
      // With the next change or observation it is tried again.
      loginVariables.delete(entry.uid);
    });
  };

  return {
    apply({uid, ...declared}) {
      const entry = registry.existing(uid);
      if (entry.observed.retired !== undefined) {
        throw new AgentError(
          'NotPermittedNow',
          'it was deleted and is only kept for what is in it; restore it first',
        );
      }
      registry.record(entry, {...entry.record, services: declared});
      ensure(entry).declare(declared);
      writeLoginVariables(entry);
      changed(entry);
      return describeInstance(entry);
    },

    restart(uid, service) {
      const entry = registry.existing(uid);
      if (supervisors.get(uid)?.restart(service) !== true) {
        throw new AgentError('NotFound', `there is no service ${service}`);
      }
      return describeInstance(entry);
    },

    restore(entry) {
      if (entry.record.services !== undefined) {
        ensure(entry).declare(entry.record.services);
      }
    },

    follow(entry) {
      if (entry.observed === undefined && entry.record.services === undefined) {
        void release(entry);
        return;
      }
      supervisors.get(entry.uid)?.follow();
      writeLoginVariables(entry);
    },

    release,

    async [Symbol.asyncDispose]() {
      await Promise.all([...supervisors.values()].map(supervisor => supervisor[Symbol.asyncDispose]()));
      supervisors.clear();
    },
  };
}
