import type {Driver, DriverInstance} from '../driver.ts';
import {DriverError, isDriverError} from '../driver.ts';
import {canonicalName} from '../instance-name.ts';
import type {Client} from './client.ts';
import {isHalfMade, remake} from './half-made.ts';
import type {Instances} from './instances.ts';
import type {RawInstance} from './observe.ts';
import {toDriverInstance} from './observe.ts';
import type {Operations} from './operation.ts';

export type LifecycleOptions = {
  readonly client: Client;
  readonly operations: Operations;
  readonly instances: Instances;
  readonly project: string;
};

export type Lifecycle = Pick<Driver, 'start' | 'stop' | 'unfreeze' | 'rename' | 'delete'>;

/** How often a call looks again after it came upon an operation that somebody else had begun. */
const attempts = 5;

/** Milliseconds; the backend counts in whole seconds. */
const firstPatience = 1000;

type Convergence = {
  readonly isDone: (instance: DriverInstance) => boolean;
  /** One step towards it. */
  readonly step: (instance: DriverInstance) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
};

type StateChange = {
  readonly action: 'start' | 'stop' | 'unfreeze';
  readonly force?: boolean;
  /** Milliseconds; what the instance gets to do it in an orderly way. */
  readonly timeout?: number;
};

export function createLifecycle({client, operations, instances, project}: LifecycleOptions): Lifecycle {
  const query = {project};
  const pathOf = (name: string) => `/1.0/instances/${encodeURIComponent(name)}`;

  /**
   * Brings an instance to where `isDone` holds. When a step fails, whatever else works on the instance is waited for and the state is looked
   * at again: an earlier call that was cut off has then done it, or stands no longer in the way.
   */
  async function converge(uid: string, {isDone, step, signal}: Convergence): Promise<void> {
    for (let count = 1; ; count++) {
      const instance = toDriverInstance((await instances.need(uid, signal)).raw);
      if (isDone(instance)) return;

      try {
        await step(instance);
        return;
      } catch (error) {
        if (signal?.aborted || isDriverError(error, 'BackendUnavailable')) throw error;
        await operations.settle(instance.name, signal);
        if (isDone(toDriverInstance((await instances.need(uid, signal)).raw))) return;
        if (!isDriverError(error, 'NotPermittedNow') || count === attempts) throw error;
      }
    }
  }

  async function changeState(name: string, change: StateChange, signal?: AbortSignal): Promise<void> {
    const body = {
      action: change.action,
      force: change.force ?? false,
      timeout: change.timeout === undefined ? -1 : Math.max(1, Math.ceil(change.timeout / 1000)),
    };
    const answer = await client.call('PUT', `${pathOf(name)}/state`, {query, body, signal});
    await operations.finish(answer, signal);
  }

  async function stopOrderly(instance: DriverInstance, timeout: number, signal?: AbortSignal): Promise<void> {
    // What is frozen can't shut itself down.
    if (instance.state === 'Frozen') await changeState(instance.name, {action: 'unfreeze'}, signal);
    // The backend asks only once, and an init that is still booting doesn't hear it: so it is asked again, at growing intervals.
    let left = timeout;
    for (let patience = firstPatience; left > 0; patience *= 2) {
      const share = Math.min(patience, left);
      try {
        await changeState(instance.name, {action: 'stop', timeout: share}, signal);
        return;
      } catch (error) {
        if (signal?.aborted || !isDriverError(error, 'TimedOut')) throw error;
        left -= share;
      }
    }
    await changeState(instance.name, {action: 'stop', force: true}, signal);
  }

  /** A start of what is half-made fails for ever, and leaves behind what can't even be deleted. */
  async function complete(uid: string, signal?: AbortSignal): Promise<void> {
    const {raw} = await instances.need(uid, signal);
    if (!isHalfMade(raw)) return;

    await operations.settle(raw.name, signal);
    const settled = await instances.need(uid, signal);
    if (isHalfMade(settled.raw)) await remake(settled.raw, {client, operations, project}, signal);
  }

  const isStopped = ({state}: DriverInstance) => state === 'Stopped';

  return {
    async start(uid, signal) {
      await complete(uid, signal);
      await converge(uid, {
        signal,
        isDone: ({state}) => state === 'Running',
        step: ({name, state}) =>
          changeState(name, {action: state === 'Frozen' ? 'unfreeze' : 'start'}, signal),
      });
    },

    async stop(uid, {force, timeout}, signal) {
      await converge(uid, {
        signal,
        isDone: isStopped,
        step: instance =>
          force
            ? changeState(instance.name, {action: 'stop', force: true}, signal)
            : stopOrderly(instance, timeout, signal),
      });
    },

    async unfreeze(uid) {
      await converge(uid, {
        isDone: ({state}) => state !== 'Frozen',
        step: ({name}) => changeState(name, {action: 'unfreeze'}),
      });
    },

    async rename(uid) {
      await converge(uid, {
        isDone: ({name}) => name === canonicalName(uid),
        async step({name, state}) {
          if (state !== 'Stopped') {
            throw new DriverError(
              'NotPermittedNow',
              `${name} is ${state}: only what is stopped can be renamed`,
            );
          }
          const answer = await client.call('POST', pathOf(name), {query, body: {name: canonicalName(uid)}});
          await operations.finish(answer);
        },
      });
    },

    async delete(uid) {
      // A creation that was cut off may not have made its instance yet.
      await operations.settle(canonicalName(uid));
      for (let count = 1; ; count++) {
        const found = await instances.find(uid);
        if (found === undefined) return;

        try {
          await destroy(found.raw);
          return;
        } catch (error) {
          if (isDriverError(error, 'NotFound')) return;
          if (!isDriverError(error, 'NotPermittedNow') || count === attempts) throw error;
          await operations.settle(found.raw.name);
        }
      }
    },
  };

  async function destroy(raw: RawInstance): Promise<void> {
    const {name, state} = toDriverInstance(raw);
    if (state !== 'Stopped' && state !== 'Error') await changeState(name, {action: 'stop', force: true});
    await operations.finish(await client.call('DELETE', pathOf(name), {query}));
  }
}
