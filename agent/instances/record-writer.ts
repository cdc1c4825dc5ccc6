import type {Logger} from '../../api/effects/logger.ts';
import type {InstanceRecord} from './instance-record.ts';
import type {RecordStore} from './record-store.ts';

/**
 * Writes records behind the work, so that no fsync sits between a request and what it does. Losing the last moments of a record in a crash is
 * safe: the controller compares what the agent then reports with what it wants, and asks again.
 */
export type RecordWriter = {
  save(record: InstanceRecord): void;
  remove(uid: string): void;
  /** Resolves once everything asked for so far is stored, or was tried. */
  flush(): Promise<void>;
};

export function createRecordWriter(store: RecordStore, log: Logger): RecordWriter {
  /** The latest wish for each uid; undefined means removal. */
  const wanted = new Map<string, InstanceRecord | undefined>();
  const writing = new Map<string, Promise<void>>();

  const write = async (uid: string) => {
    while (wanted.has(uid)) {
      const record = wanted.get(uid);
      wanted.delete(uid);
      try {
        await (record === undefined ? store.remove(uid) : store.save(record));
      } catch (error) {
        log.error({error, uid}, 'could not store what is declared for this instance');
      }
    }
    writing.delete(uid);
  };

  const want = (uid: string, record: InstanceRecord | undefined) => {
    wanted.set(uid, record);
    if (!writing.has(uid)) {
      writing.set(uid, write(uid));
    }
  };

  return {
    save: record => want(record.uid, record),
    remove: uid => want(uid, undefined),
    async flush() {
      await Promise.all(writing.values());
    },
  };
}
