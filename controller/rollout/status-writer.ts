import {timestampAt} from '../../api/effects/clock.ts';
import {isStorageError} from '../../api/storage/storage-error.ts';
import type {ConditionStatement} from '../../api/v1alpha1/condition.ts';
import {findCondition, setCondition} from '../../api/v1alpha1/condition.ts';
import type {NodeStatus} from '../../api/v1alpha1/node.ts';
import type {RolloutOptions} from './run-rollout.ts';

export type FailedUpgrade = NonNullable<NodeStatus['failedUpgrade']>;

export type StatusWriter = {
  /** Writes what is new. `failed`: what the last attempt failed with; null forgets it. Throws StorageError. */
  write(name: string, condition: ConditionStatement, failed?: FailedUpgrade | null): Promise<void>;
};

export function createStatusWriter({
  storage,
  nodes,
  clock,
}: Pick<RolloutOptions, 'storage' | 'nodes' | 'clock'>): StatusWriter {
  const attempt: StatusWriter['write'] = async (name, condition, failed) => {
    const node = nodes.get(name);
    const before = findCondition(node?.status?.conditions, condition.type);
    const isSame =
      before !== undefined && before.reason === condition.reason && before.message === condition.message;
    if (node === undefined || (isSame && failed === undefined)) {
      return;
    }
    const {failedUpgrade, ...status} = node.status ?? {};
    const kept = failed === undefined ? failedUpgrade : (failed ?? undefined);
    const written = await storage.updateStatus('Node', {
      ...node,
      status: {
        ...status,
        conditions: setCondition(status.conditions ?? [], condition, timestampAt(clock.now())),
        ...(kept === undefined ? {} : {failedUpgrade: kept}),
      },
    });
    nodes.observe(written);
  };

  return {
    async write(...args) {
      for (let attempts = 1; ; attempts += 1) {
        try {
          await attempt(...args);
          return;
        } catch (error) {
          if (!isStorageError(error, 'Conflict') || attempts === conflictLimit) {
            throw error;
          }
          // Somebody else wrote the same status: what they wrote is in the cache soon.
          await clock.sleep(conflictDelay);
        }
      }
    },
  };
}

const conflictLimit = 20;

/** Milliseconds. */
const conflictDelay = 100;
