import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {Params} from '../../api/agent/v1alpha1/messages.ts';
import type {Clock} from '../../api/effects/clock.ts';
import {timestampAt} from '../../api/effects/clock.ts';
import type {RepositoryWork} from '../repository/repository-work.ts';
import type {Entry} from './entry.ts';
import {describeInstance} from './instance-view.ts';
import type {Fence, OperationContext, Operations} from './operations.ts';
import type {Registry} from './registry.ts';

/** Milliseconds that an instance which is kept gets to shut down. */
const stopTimeout = 30_000;

export type Deletion = {
  /** See `instance/delete` of the protocol. */
  delete(params: Params<'instance/delete'>, fence: Fence): Promise<Instance>;
};

export type DeletionOptions = {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly operations: Operations;
  readonly isSaved: RepositoryWork['isSaved'];
  /** Closes forwards and ends what supervises the instance. */
  readonly release: (entry: Entry) => Promise<void>;
};

/** Takes instances away, but never somebody's unsaved work. */
export function createDeletion({clock, registry, operations, isSaved, release}: DeletionOptions): Deletion {
  const destroy = async (entry: Entry, {check}: OperationContext) => {
    const driver = registry.driverOf(entry.record.provider);
    check();
    await driver.delete(entry.uid);
    await release(entry);
    registry.remove(entry);
  };

  const keep = async (entry: Entry, retention: number, {check, signal}: OperationContext) => {
    const driver = registry.driverOf(entry.record.provider);
    check();
    await driver.stop(entry.uid, {force: false, timeout: stopTimeout}, signal);
    const now = clock.now();
    await driver.retire(entry.uid, {at: timestampAt(now), until: timestampAt(now + retention)});
    await release(entry);
    const {services: _, ...record} = entry.record;
    registry.record(entry, {...record, forwards: []});
    await registry.observe(entry.uid);
  };

  /** What can be proven: it never ran, or nothing unsaved is in it now, or was when it was last stopped. */
  const nothingUnsaved = async (entry: Entry, signal: AbortSignal) => {
    const {observed, record} = entry;
    if (observed?.state === 'Running') {
      // First without disturbing anybody; then with nobody left who could go on between the look and the end.
      return (await isSaved(entry.uid, {signal})) && (await isSaved(entry.uid, {signal, alone: {grace: 0}}));
    }
    return !record.started || (observed?.state === 'Stopped' && entry.savedRun !== undefined);
  };

  return {
    async delete({uid, mode, retention}, fence) {
      const known = registry.find(uid);
      if (known?.operation === undefined) {
        // Also finds what was made before this agent started to look.
        await registry.observe(uid);
      }
      const entry = registry.find(uid);
      if (entry === undefined || (entry.observed === undefined && entry.operation === undefined)) {
        const gone = entry ?? registry.ensure(uid, 'lxc');
        await release(gone);
        registry.remove(gone);
        return describeInstance(gone);
      }
      if (mode === 'ifSaved' && entry.observed?.retired !== undefined) {
        return describeInstance(entry);
      }
      operations.start(entry, 'Delete', {
        fence,
        async work(context) {
          // Anything that was broken off may have left the instance otherwise than it was last seen.
          await registry.observe(uid);
          const mayGo =
            mode === 'always' ||
            entry.observed === undefined ||
            (await nothingUnsaved(entry, context.signal));
          await (mayGo ? destroy(entry, context) : keep(entry, retention, context));
        },
      });
      return describeInstance(entry);
    },
  };
}
