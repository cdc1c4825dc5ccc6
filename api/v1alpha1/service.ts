import {z} from 'zod';
import {duration, parseDuration} from './duration.ts';
import {resourceName} from './metadata.ts';

const port = z
  .int('must be a whole number')
  .min(1, 'must be between 1 and 65535')
  .max(65535, 'must be between 1 and 65535');

/** Names of environment variables, as POSIX shells accept them. */
export const environment = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be letters, digits and _, not starting with a digit'),
    z.string().regex(/^[^\0]*$/, 'must not contain a NUL character'),
  )
  .refine(variables => Object.keys(variables).length <= 500, 'must be at most 500 variables');

/** What a shell runs, exactly as written: quotes, newlines and all. */
export const shellCommand = z
  .string()
  .min(1, 'must not be empty')
  .max(65_536, 'must be at most 64 KiB')
  .regex(/^[^\0]*$/, 'must not contain a NUL character');

/** Exactly one of http, tcp, command and process; none means `tcp` on the service's port, or `process` without one. */
export const healthCheck = z
  .strictObject({
    http: z
      .string()
      .regex(/^\/[\x21-\x7E]*$/, 'must be a path that starts with / and has no spaces')
      .optional()
      .describe('GET this path on the port; any 2xx or 3xx is healthy.'),
    tcp: port.optional().describe('Connect to this port.'),
    port: port.optional().describe("Port for http; the service's own by default."),
    command: shellCommand.optional().describe('Run this in the repository; exit code 0 is healthy.'),
    process: z.literal(true).optional().describe('Healthy while the process runs.'),
    interval: duration.default('5s').describe('Time between checks.'),
    timeout: duration
      .refine(text => !duration.safeParse(text).success || parseDuration(text) <= 5000, 'must be at most 5s')
      .default('2s')
      .describe('A check that takes longer has failed; at most 5s.'),
    retries: z
      .int()
      .min(1)
      .max(100)
      .default(3)
      .describe('Failures in a row before a healthy service is unhealthy.'),
    startPeriod: duration.default('30s').describe('After a start, failures in this time do not count.'),
  })
  .refine(
    check =>
      [check.http, check.tcp, check.command, check.process].filter(kind => kind !== undefined).length <= 1,
    'must be one of http, tcp, command and process',
  );

export const restartPolicy = z.enum(['always', 'on-failure', 'never']);

const serviceFields = {
  command: shellCommand.describe('Run by bash in the repository as user dev.'),
  port: port.optional().describe('Where it listens inside the workspace; it gets a port on the node.'),
  dependsOn: z.array(resourceName).max(25).default([]).describe('Started only once these are healthy.'),
  healthCheck: healthCheck
    .optional()
    .describe('One of http, tcp, command and process; by default tcp on the port, or process without one.'),
  restart: restartPolicy.default('always').describe('When it is started again after it has ended.'),
  env: environment.default({}).describe("Added to the workspace's."),
};

/** A service without its name, as the short form writes it (the name is the key). */
export const serviceTemplate = z.strictObject(serviceFields);

export const service = z.strictObject({
  name: resourceName.describe('Unique among the services of a workspace.'),
  ...serviceFields,
});

export type Service = z.infer<typeof service>;
export type HealthCheck = z.infer<typeof healthCheck>;

/** `Waiting` for a dependency; `Starting` until first healthy; `BackOff` between restarts; `Exited` and done by policy. */
export const serviceState = z.enum([
  'Pending',
  'Waiting',
  'Starting',
  'Healthy',
  'Unhealthy',
  'BackOff',
  'Exited',
  'Failed',
  'Unknown',
]);

export type ServiceState = z.infer<typeof serviceState>;
