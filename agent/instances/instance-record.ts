import {z} from 'zod';
import {
  forward,
  instance,
  instanceSpec,
  repositorySpec,
  serviceSpec,
} from '../../api/agent/v1alpha1/instance.ts';
import {provider} from '../../api/v1alpha1/workspace.ts';

/** What was asked for setup/run, kept so that a restarted agent finds the run again. */
export const setupRequest = z.object({
  hash: z.string(),
  commands: z.array(z.string()),
  directory: z.string(),
  env: z.record(z.string(), z.string()),
  timeout: z.int(),
});

export const declaredServices = z.object({
  hash: z.string(),
  directory: z.string(),
  env: z.record(z.string(), z.string()),
  services: z.array(serviceSpec),
});

/**
 * What the agent must still know of an instance after a restart and the backend can't tell: what was declared for it, and what was seen in
 * it. May hold secrets (environment variables).
 */
export const instanceRecord = z.object({
  version: z.literal(1),
  uid: z.string(),
  provider,
  spec: instanceSpec.optional(),
  /** Whether it has ever run: one that has not holds nobody's work. */
  started: z.boolean(),
  /** Of the keys that were last put in place. */
  authorizedKeysHash: z.string().optional(),
  forwards: z.array(forward),
  /** The transfer that it is sealed for; see `departing` of the protocol. */
  departing: z.string().optional(),
  repository: instance.shape.repository.unwrap().extend({spec: repositorySpec}).optional(),
  setup: instance.shape.setup.unwrap().extend({request: setupRequest}).optional(),
  services: declaredServices.optional(),
});

export type InstanceRecord = z.infer<typeof instanceRecord>;
export type SetupRequest = z.infer<typeof setupRequest>;
export type DeclaredServices = z.infer<typeof declaredServices>;

export function emptyRecord(uid: string, of: InstanceRecord['provider']): InstanceRecord {
  return {version: 1, uid, provider: of, started: false, forwards: []};
}

/** The record of an instance that is gone: its declared forwards remain, since they hold no matter whether it exists yet. */
export function withoutInstance(record: InstanceRecord): InstanceRecord {
  return {...emptyRecord(record.uid, record.provider), forwards: record.forwards};
}
