import type {DriverEvent, DriverInstance, ExecProcess, Limits} from '../../agent/driver.ts';
import {DriverError} from '../../agent/driver.ts';
import {createMergedEvents} from '../../agent/merged-events.ts';
import type {Clock} from '../../api/effects/clock.ts';

export type FakeFile = {
  readonly content: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
};

/** One container of the fake backend; all of it may be looked at and changed by a test. */
export type FakeInstance = {
  name: string;
  /** Missing on one that is not ours. */
  readonly uid: string | undefined;
  state: DriverInstance['state'];
  readonly createdAt: number;
  startedAt?: number;
  readonly image: string;
  readonly specHash: string;
  readonly address: string;
  readonly hostKey: string;
  limits: Limits;
  authorizedKeys: readonly string[];
  retired?: {readonly at: string; readonly until: string} | undefined;
  needsProvisioning: boolean;
  /** Before it was moved here. */
  hasRunElsewhere?: boolean;
  incoming?: {readonly mark: string; readonly complete: boolean} | undefined;
  /** Made by hand of one of ours, marks included; foreign nevertheless. */
  readonly isCopy: boolean;
  /** Its disk. */
  files: Map<string, FakeFile>;
  /** Each ends one running process. */
  readonly processes: Set<ExecProcess['kill']>;
};

export type FakeOperation = {
  /** Milliseconds until `change` is done. */
  readonly duration: number;
  readonly begin?: () => void;
  readonly change: () => void;
};

export type FakeBackend = {
  /** By name. */
  readonly instances: Map<string, FakeInstance>;
  /** While true every call fails with BackendUnavailable and nothing is told. */
  down: boolean;
  /**
   * One operation a name at a time, the next waits. It goes on whether or not the caller still waits, but a backend that is down by then has
   * lost it.
   */
  operate(name: string, operation: FakeOperation): Promise<void>;
  /** Resolves once nothing is under way on this name. */
  settle(name: string): Promise<void>;
  start(instance: FakeInstance): void;
  /** Its processes end with it. */
  stop(instance: FakeInstance): void;
  kill(instance: FakeInstance): void;
  rename(instance: FakeInstance, name: string): void;
  remove(instance: FakeInstance): void;
  /** Tells listeners what changed; undefined for "anything". */
  tell(uid: string | undefined): void;
  events(signal: AbortSignal): AsyncIterable<DriverEvent>;
};

export function createFakeBackend(clock: Clock): FakeBackend {
  const operations = new Map<string, Promise<void>>();
  const listeners = new Set<(uid: string | undefined) => void>();

  async function settle(name: string): Promise<void> {
    while (operations.has(name)) await operations.get(name)?.catch(() => {});
  }

  const backend: FakeBackend = {
    instances: new Map(),
    down: false,
    settle,

    async operate(name, {duration, begin, change}) {
      await settle(name);
      const operation = (async () => {
        begin?.();
        if (duration > 0) await clock.sleep(duration);
        if (backend.down) throw new DriverError('BackendUnavailable', 'the fake backend went down meanwhile');
        change();
      })().finally(() => operations.delete(name));
      operations.set(name, operation);
      await operation;
    },

    start(instance) {
      instance.state = 'Running';
      instance.startedAt = clock.now();
    },

    stop(instance) {
      instance.state = 'Stopped';
      backend.kill(instance);
    },

    kill(instance) {
      for (const kill of instance.processes) kill('SIGKILL');
    },

    rename(instance, name) {
      backend.instances.delete(instance.name);
      instance.name = name;
      backend.instances.set(name, instance);
    },

    remove(instance) {
      backend.stop(instance);
      backend.instances.delete(instance.name);
    },

    tell(uid) {
      if (backend.down) return;
      for (const listener of listeners) listener(uid);
    },

    async *events(signal) {
      const {tell, events} = createMergedEvents(signal);
      listeners.add(tell);
      try {
        yield* events();
      } finally {
        listeners.delete(tell);
      }
    },
  };
  return backend;
}
