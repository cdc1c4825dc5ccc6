import type {Driver} from '../driver.ts';
import {DriverError, isDriverError} from '../driver.ts';
import {canonicalName} from '../instance-name.ts';
import type {Client} from './client.ts';
import type {Containers} from './containers.ts';
import {putFirstFiles} from './files.ts';
import type {MarksStore} from './marks.ts';
import type {Container} from './observe.ts';
import {hasRun, toDriverInstance} from './observe.ts';

export type LifecycleOptions = {
  readonly client: Client;
  readonly containers: Containers;
  readonly marks: MarksStore;
};

export type Lifecycle = Pick<Driver, 'start' | 'stop' | 'unfreeze' | 'rename' | 'delete'>;

/** How often a call looks again after somebody else's came in between. */
const attempts = 5;

type Convergence = {
  readonly isDone: (container: Container) => boolean;
  /** One step towards it. */
  readonly step: (container: Container) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
};

export function createLifecycle({client, containers, marks}: LifecycleOptions): Lifecycle {
  const stateOf = (container: Container) => toDriverInstance(container).state;

  /** Brings a container to where `isDone` holds; after a step that fails it looks whether that is so, since an earlier call may have done it. */
  const converge = async (uid: string, {isDone, step, signal}: Convergence): Promise<void> => {
    for (let count = 1; ; count++) {
      const container = await containers.need(uid, signal);
      if (isDone(container)) return;

      try {
        await step(container);
        return;
      } catch (error) {
        if (signal?.aborted || isDriverError(error, 'BackendUnavailable')) throw error;
        if (isDone(await containers.need(uid, signal))) return;
        if (!isDriverError(error, 'NotPermittedNow') || count === attempts) throw error;
      }
    }
  };

  const act = async (
    {id}: Container,
    action: 'start' | 'unpause' | 'kill' | 'stop',
    {signal, query = {}}: {signal?: AbortSignal | undefined; query?: Readonly<Record<string, string>>} = {},
  ) => {
    await client.call('POST', `/containers/${id}/${action}`, {query, signal, unlimited: true});
  };

  const unfreezeFirst = async (container: Container, signal?: AbortSignal) => {
    // What is frozen hears no signal.
    if (stateOf(container) === 'Frozen') await act(container, 'unpause', {signal});
  };

  return {
    async start(uid, signal) {
      await converge(uid, {
        signal,
        isDone: container => stateOf(container) === 'Running',
        async step(container) {
          if (stateOf(container) === 'Frozen') {
            await act(container, 'unpause', {signal});
            return;
          }
          if (!hasRun(container)) await putFirstFiles(client, container);
          await act(container, 'start', {signal});
        },
      });
    },

    async stop(uid, {force, timeout}, signal) {
      await converge(uid, {
        signal,
        isDone: container => stateOf(container) === 'Stopped',
        async step(container) {
          await unfreezeFirst(container, signal);
          const seconds = force ? 0 : Math.max(1, Math.ceil(timeout / 1000));
          await act(container, 'stop', {signal, query: {t: String(seconds)}});
        },
      });
    },

    async unfreeze(uid) {
      await converge(uid, {
        isDone: container => stateOf(container) !== 'Frozen',
        step: container => act(container, 'unpause'),
      });
    },

    async rename(uid) {
      await converge(uid, {
        isDone: ({name}) => name === canonicalName(uid),
        async step(container) {
          const state = stateOf(container);
          if (state !== 'Stopped') {
            throw new DriverError(
              'NotPermittedNow',
              `${container.name} is ${state}: only what is stopped can be renamed`,
            );
          }
          await client.call('POST', `/containers/${container.id}/rename`, {
            query: {name: canonicalName(uid)},
          });
        },
      });
    },

    async delete(uid) {
      for (let count = 1; ; count++) {
        const container = await containers.find(uid);
        if (container === undefined) {
          await marks.forget(uid);
          return;
        }
        try {
          await unfreezeFirst(container);
          await client.call('DELETE', `/containers/${container.id}`, {
            query: {force: 'true', v: 'true'},
            unlimited: true,
          });
          await marks.forget(uid);
          return;
        } catch (error) {
          if (isDriverError(error, 'NotFound')) continue;
          if (!isDriverError(error, 'NotPermittedNow') || count === attempts) throw error;
        }
      }
    },
  };
}
