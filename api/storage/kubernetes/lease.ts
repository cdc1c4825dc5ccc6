import {z} from 'zod';
import {timestampAt} from '../../effects/clock.ts';
import {isStorageError} from '../storage-error.ts';
import type {ApiResources} from './api-resources.ts';

/** What is in the one Lease that replicas compete for. */
export type LeaseState = {
  /** Changes with every write. */
  readonly version: string;
  /** Empty when nobody has it. */
  readonly holder: string;
  /** Milliseconds that it lasts after a renewal, by its holder's word. */
  readonly duration: number;
  readonly acquireTime: string | undefined;
  /** How often it has changed hands. */
  readonly transitions: number;
};

export type Lease = {
  /** Undefined when there is none yet. */
  read(signal: AbortSignal): Promise<LeaseState | undefined>;
  /** Writes on what was read. Throws StorageError `Conflict`, `AlreadyExists` or `NotFound` when it is not like that any more. */
  write(known: LeaseState | undefined, next: NextHolder, signal: AbortSignal): Promise<LeaseState>;
};

export type NextHolder = {
  /** Empty to give it back. */
  readonly holder: string;
  /** Milliseconds. */
  readonly duration: number;
  /** Milliseconds since 1970, for people: nobody reckons with it. */
  readonly now: number;
};

const plural = 'leases';
const name = 'nexus-server';

const schema = z.object({
  metadata: z.object({resourceVersion: z.string()}),
  spec: z
    .object({
      holderIdentity: z.string().optional(),
      leaseDurationSeconds: z.int().optional(),
      acquireTime: z.string().optional(),
      leaseTransitions: z.int().optional(),
    })
    .default({}),
});

/** The Lease `nexus-server` of a namespace, with the fields as client-go's leader election uses them. `api`: of coordination.k8s.io/v1. */
export function createLease(api: ApiResources): Lease {
  return {
    async read(signal) {
      try {
        return stateOf(await api.get(plural, name, {signal}));
      } catch (error) {
        if (isStorageError(error, 'NotFound')) {
          return undefined;
        }

        throw error;
      }
    },
    async write(known, {holder, duration, now}, signal) {
      // Kubernetes wants microseconds.
      const time = timestampAt(now).replace('Z', '000Z');
      const changesHands = holder !== '' && known?.holder !== holder;
      const body = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: {name, ...(known && {resourceVersion: known.version})},
        spec: {
          holderIdentity: holder,
          leaseDurationSeconds: Math.max(1, Math.ceil(duration / 1000)),
          renewTime: time,
          acquireTime: changesHands ? time : (known?.acquireTime ?? time),
          leaseTransitions: (known?.transitions ?? 0) + (changesHands && known !== undefined ? 1 : 0),
        },
      };
      return stateOf(
        await (known === undefined
          ? api.create(plural, body, {signal})
          : api.replace(plural, name, {body, signal})),
      );
    },
  };
}

function stateOf(given: unknown): LeaseState {
  const {metadata, spec} = schema.parse(given);
  return {
    version: metadata.resourceVersion,
    holder: spec.holderIdentity ?? '',
    duration: (spec.leaseDurationSeconds ?? 0) * 1000,
    acquireTime: spec.acquireTime,
    transitions: spec.leaseTransitions ?? 0,
  };
}
