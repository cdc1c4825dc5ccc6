import type {Instance, OperationKind} from '../../api/agent/v1alpha1/instance.ts';
import type {DriverInstance} from '../driver.ts';
import type {InstanceRecord} from './instance-record.ts';

export type RunningOperation = {
  readonly kind: OperationKind;
  readonly startedAt: number;
  message?: string;
  readonly abort: AbortController;
  /** Never rejects. */
  readonly finished: Promise<void>;
};

export type Failure = NonNullable<Instance['lastError']>;

/** All that the agent knows of one uid. Changed only on the event loop's one thread; whoever changes it tells the registry. */
export type Entry = {
  readonly uid: string;
  record: InstanceRecord;
  /** Undefined while the backend has no such instance. */
  observed: DriverInstance | undefined;
  /** Milliseconds since 1970. */
  observedAt: number;
  /** When the present absence was first seen; an instance that is being created is absent too. */
  absentSince: number | undefined;
  /**
   * `startedAt` of the run at whose end it was seen to hold no unsaved work, when nobody was left in it and nobody was let in; undefined once it has
   * run again. Not remembered over a restart of the agent: it may have been run by hand in between.
   */
  savedRun: string | undefined;
  sshReady: boolean;
  operation: RunningOperation | undefined;
  /** By kind, until an operation of that kind succeeds. */
  readonly failures: Map<OperationKind, Failure>;
  forwards: Instance['forwards'];
  services: Instance['services'];
  /** Of what was last told of it; larger than that of anything told before, also under this uid. */
  revision: number;
};
