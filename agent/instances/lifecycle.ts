import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {Instance, InstanceSpec} from '../../api/agent/v1alpha1/instance.ts';
import type {Params} from '../../api/agent/v1alpha1/messages.ts';
import type {RepositoryWork} from '../repository/repository-work.ts';
import type {HostKeySource} from './host-key.ts';
import {withoutInstance} from './instance-record.ts';
import {describeInstance, hashKeys} from './instance-view.ts';
import type {Fence, OperationContext, Operations} from './operations.ts';
import type {Registry} from './registry.ts';
import type {SshReadiness} from './ssh-readiness.ts';

/** Milliseconds that what people have running in an instance gets to end before it is stopped. */
const leaveTime = 8000;

/** Creating, starting, stopping and repairing instances. Each answers at once; the work goes on in the background. Throws AgentError. */
export type Lifecycle = {
  create(spec: InstanceSpec, fence: Fence): Promise<Instance>;
  start(uid: string, fence: Fence): Promise<Instance>;
  stop(params: Params<'instance/stop'>, fence: Fence): Promise<Instance>;
  unfreeze(uid: string, fence: Fence): Promise<Instance>;
  rename(uid: string, fence: Fence): Promise<Instance>;
};

export type LifecycleOptions = {
  readonly registry: Registry;
  readonly operations: Operations;
  readonly readiness: SshReadiness;
  readonly hostKeys: HostKeySource;
  readonly isSaved: RepositoryWork['isSaved'];
};

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const {registry, operations, readiness, hostKeys, isSaved} = options;

  /** Starts an operation on an instance that exists, unless it is already where it should be. */
  const act = (
    uid: string,
    step: {kind: 'Start' | 'Stop' | 'Unfreeze' | 'Rename'; fence: Fence; done: boolean},
    work: (context: OperationContext) => Promise<void>,
  ) => {
    const entry = registry.existing(uid);
    if (step.done && entry.operation === undefined) {
      entry.failures.delete(step.kind);
    } else {
      operations.start(entry, step.kind, {
        fence: step.fence,
        async work(context) {
          context.check();
          await work(context);
          await registry.observe(uid);
        },
      });
    }
    return describeInstance(entry);
  };

  return {
    async create(spec, fence) {
      const driver = registry.driverOf(spec.provider);
      const entry = registry.ensure(spec.uid, spec.provider);
      if (entry.record.provider !== spec.provider && entry.observed === undefined) {
        registry.record(entry, {...entry.record, provider: spec.provider});
      }
      if (entry.observed !== undefined) {
        if (entry.record.spec === undefined) {
          registry.record(entry, {...entry.record, spec});
        }
        return describeInstance(entry);
      }
      operations.start(entry, 'Create', {
        fence,
        async work({signal, check}) {
          check();
          const fresh = hostKeys();
          const created = await driver.create({spec, hostKey: fresh}, signal);
          const record = created.hostKey === fresh.publicKey ? withoutInstance(entry.record) : entry.record;
          registry.record(entry, {
            ...record,
            spec,
            authorizedKeysHash: hashKeys(spec.authorizedKeys),
          });
          registry.apply(entry, created);
        },
      });
      return describeInstance(entry);
    },

    async start(uid, fence) {
      const {observed, record} = registry.existing(uid);
      if (observed.incoming !== undefined) {
        throw new AgentError('NotPermittedNow', 'it is the copy of a move that is not over; accept it first');
      }
      if (record.departing !== undefined) {
        throw new AgentError('NotPermittedNow', 'it is being moved to another node; keep it first');
      }
      if (observed.retired !== undefined) {
        throw new AgentError(
          'NotPermittedNow',
          'it was deleted and is only kept for what is in it; restore it first',
        );
      }
      if (observed.state === 'Frozen') {
        throw new AgentError('NotPermittedNow', 'it is frozen; unfreeze it first');
      }
      const driver = registry.driverOf(record.provider);
      const done = observed.state === 'Running' && !observed.needsProvisioning;
      return act(uid, {kind: 'Start', fence, done}, async ({signal}) => {
        const entry = registry.existing(uid);
        entry.savedRun = undefined;
        readiness.expect(entry);
        try {
          await driver.start(uid, signal);
        } catch (error) {
          readiness.abandon(entry);
          throw error;
        }
        if (entry.observed.needsProvisioning) {
          await driver.provision(uid, signal);
        }
      });
    },

    async stop({uid, force, timeout}, fence) {
      const {observed, record} = registry.existing(uid);
      const driver = registry.driverOf(record.provider);
      return act(uid, {kind: 'Stop', fence, done: observed.state === 'Stopped'}, async ({signal, check}) => {
        // What is seen while somebody goes on proves nothing about what is there in the end.
        const saved = !force && (await isSaved(uid, {signal, alone: {grace: leaveTime}}));
        const entry = registry.existing(uid);
        const run = entry.observed.startedAt;
        check();
        await driver.stop(uid, {force, timeout}, signal);
        entry.savedRun = saved ? run : undefined;
      });
    },

    async unfreeze(uid, fence) {
      const {observed, record} = registry.existing(uid);
      const driver = registry.driverOf(record.provider);
      return act(uid, {kind: 'Unfreeze', fence, done: observed.state === 'Running'}, () =>
        driver.unfreeze(uid),
      );
    },

    async rename(uid, fence) {
      const {observed, record} = registry.existing(uid);
      const driver = registry.driverOf(record.provider);
      const done = observed.name === `nexus-${uid}`;
      if (!done && observed.state !== 'Stopped') {
        throw new AgentError('NotPermittedNow', 'only a stopped instance can be renamed; stop it first');
      }
      return act(uid, {kind: 'Rename', fence, done}, () => driver.rename(uid));
    },
  };
}
