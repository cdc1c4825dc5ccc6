import {createHash} from 'node:crypto';
import type {Instance, InstanceState} from '../../api/agent/v1alpha1/instance.ts';
import {timestampAt} from '../../api/effects/clock.ts';
import {parseMark} from '../moves/mark.ts';
import type {Entry, Failure} from './entry.ts';
import type {InstanceRecord} from './instance-record.ts';

/** What is told of an entry: only what was observed, never what was asked for. */
export function describeInstance(entry: Entry): Instance {
  const {uid, record, observed, operation} = entry;
  const lastError = latest([...entry.failures.values()]);
  const instance: Instance = {
    uid,
    name: observed?.name ?? `nexus-${uid}`,
    provider: record.provider,
    state: stateOf(entry),
    sshReady: observed?.state === 'Running' && !observed.needsProvisioning && entry.sshReady,
    services: entry.services,
    forwards: entry.forwards,
    revision: entry.revision,
    observedAt: timestampAt(entry.observedAt),
  };
  return {
    ...instance,
    ...defined({
      specHash: observed?.specHash,
      address: observed?.address,
      hostKey: observed?.hostKey,
      startedAt: observed?.startedAt,
      lastStartedAt: observed?.lastStartedAt,
      incoming: observed?.incoming === undefined ? undefined : describeIncoming(observed.incoming),
      departing:
        observed === undefined || record.departing === undefined ? undefined : {transfer: record.departing},
      limits: observed === undefined ? undefined : {...observed.limits},
      limitsPending: observed?.limitsPending,
      authorizedKeysHash: observed === undefined ? undefined : record.authorizedKeysHash,
      operation:
        operation === undefined
          ? undefined
          : {
              kind: operation.kind,
              startedAt: timestampAt(operation.startedAt),
              ...defined({message: operation.message}),
            },
      lastError,
      repository: describeRepository(record),
      setup: describeSetup(record),
      servicesHash: record.services?.hash,
      retired: observed?.retired === undefined ? undefined : {...observed.retired},
    }),
  };
}

/** What two descriptions must differ in to be worth telling: when things were looked at is not. */
export function fingerprint(instance: Instance): string {
  return JSON.stringify({
    ...instance,
    services: instance.services.map(withoutAge),
    revision: undefined,
    observedAt: undefined,
  });
}

/** SHA-256 of the keys joined by newlines, as the protocol has it. */
export function hashKeys(keys: readonly string[]): string {
  return createHash('sha256').update(keys.join('\n')).digest('hex');
}

function stateOf({observed, operation}: Entry): InstanceState {
  if (observed !== undefined) {
    return observed.state;
  }
  return operation?.kind === 'Create' ? 'Creating' : 'Missing';
}

function latest(failures: readonly Failure[]): Failure | undefined {
  return failures.reduce<Failure | undefined>(
    (newest, failure) => (newest === undefined || failure.at >= newest.at ? failure : newest),
    undefined,
  );
}

function describeIncoming({mark, complete}: {mark: string; complete: boolean}): Instance['incoming'] {
  return {...parseMark(mark), complete};
}

function describeRepository({repository}: InstanceRecord): Instance['repository'] {
  if (repository === undefined) {
    return undefined;
  }
  const {spec: _, ...facts} = repository;
  return facts;
}

function describeSetup({setup}: InstanceRecord): Instance['setup'] {
  if (setup === undefined) {
    return undefined;
  }
  const {request: _, ...facts} = setup;
  return facts;
}

function withoutAge(service: Instance['services'][number]): object {
  return {...service, observedAt: undefined};
}

type Defined<T> = {[K in keyof T]?: Exclude<T[K], undefined>};

/** Without the fields that are undefined: an optional field of the protocol is absent or has a value. */
function defined<T extends object>(fields: T): Defined<T> {
  // The boundary that Object.entries, which forgets the types of fields, makes necessary.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
