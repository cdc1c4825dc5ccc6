import type {Stored} from '../v1alpha1/kinds.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';

export type AuditEntry = {
  readonly object: Stored<ServedKind>;
  /** One CamelCase word. */
  readonly reason: string;
  readonly message: string;
  /** User name of who did it. */
  readonly actor: string;
  readonly requestId: string;
};

/** Who changed what, when, in which request. Never throws: what has been done is not undone because it could not be noted. */
export type AuditLog = {
  record(entry: AuditEntry): Promise<void>;
};

/** What of the event recorder is used here. */
type Recorder = {
  record(event: {
    readonly regarding: {readonly kind: string; readonly name: string; readonly uid: string};
    readonly type: 'Normal';
    readonly reason: string;
    readonly message: string;
    readonly actor: string;
    readonly requestId: string;
  }): Promise<void>;
};

export function createAuditLog(recorder: Recorder): AuditLog {
  return {
    async record({object: {kind, metadata}, reason, message, actor, requestId}) {
      if (kind === 'Event') {
        return;
      }

      const regarding = {kind, name: metadata.name, uid: metadata.uid};
      await recorder.record({regarding, type: 'Normal', reason, message, actor, requestId});
    },
  };
}
