import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {InstanceCache} from './instance-cache.ts';

/**
 * Keeps the cache equal to what one connection's agent has: by a list at first, by changes from there on, and by a list again once a heartbeat
 * shows that changes were lost.
 */
export type InstanceSync = {
  /** Call for every change that arrives. */
  arrived(): void;
  /**
   * Call for every heartbeat with the number of changes that the agent has sent before it; undefined when it does not count. Changes that come
   * twice or out of order, which no ordered stream does, cost a list and are right after it.
   */
  compare(sent: number | undefined): void;
  /** Takes the first list, which no heartbeat starts before its end; resolves to the number of instances. Rejects as `list` does. */
  begin(): Promise<number>;
};

export type InstanceSyncOptions = {
  readonly cache: InstanceCache;
  readonly list: () => Promise<readonly Instance[]>;
  /** After a list that made up for lost changes. */
  readonly onRepaired: () => void;
  /** A list failed; the next heartbeat tries again. */
  readonly onFailure: (error: unknown) => void;
};

export function createInstanceSync({cache, list, onRepaired, onFailure}: InstanceSyncOptions): InstanceSync {
  let count = 0;
  /** Whether changes may have been lost since the last list was asked for. */
  let incomplete = false;
  let listing = true;

  const take = async (): Promise<number> => {
    cache.beginList();
    const instances = await list();
    cache.takeList(instances);
    return instances.length;
  };

  const repair = async () => {
    listing = true;
    incomplete = false;
    try {
      await take();
      onRepaired();
    } catch (error) {
      incomplete = true;
      onFailure(error);
    } finally {
      listing = false;
    }
  };

  return {
    arrived() {
      count += 1;
    },
    compare(sent) {
      if (sent !== undefined && sent !== count) {
        count = sent;
        incomplete = true;
      }
      if (incomplete && !listing) {
        void repair();
      }
    },
    async begin() {
      const length = await take();
      listing = false;
      return length;
    },
  };
}
