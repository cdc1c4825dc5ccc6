import type {InstanceRecord} from './instance-record.ts';

/** Where records outlive the agent. A save is whole or not at all. */
export type RecordStore = {
  /** Records that can't be read are left out, and logged. */
  load(): Promise<readonly InstanceRecord[]>;
  save(record: InstanceRecord): Promise<void>;
  remove(uid: string): Promise<void>;
};

/** For simulation: outlives the agents that are made on it, not the process. */
export function createMemoryRecordStore(): RecordStore {
  const records = new Map<string, InstanceRecord>();
  return {
    load: async () => [...records.values()].map(record => structuredClone(record)),
    async save(record) {
      records.set(record.uid, structuredClone(record));
    },
    async remove(uid) {
      records.delete(uid);
    },
  };
}
