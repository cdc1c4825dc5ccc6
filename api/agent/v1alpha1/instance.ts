import {z} from 'zod';
import {timestamp} from '../../v1alpha1/metadata.ts';
import {service, serviceState} from '../../v1alpha1/service.ts';
import {provider} from '../../v1alpha1/workspace.ts';
import {since, valuesSince} from './features.ts';

/** Everything that makes an instance; what changes here needs a new one, except `limits` and `authorizedKeys`. */
export const instanceSpec = z.strictObject({
  uid: z.string(),
  /** Of the workspace; becomes the host name. */
  name: z.string(),
  provider,
  image: z.string(),
  limits: z
    .strictObject({cpus: z.int(), memory: z.int(), disk: z.int()})
    .describe('Memory and disk in bytes.'),
  env: z.record(z.string(), z.string()),
  authorizedKeys: z.array(z.string()),
  /** Hash of the parts that can't be changed in place (provider, image); kept as a mark on the instance. */
  specHash: z.string(),
});

export const forward = z.strictObject({
  name: z.string(),
  nodePort: z.int(),
  targetPort: z.int(),
});

export const repositorySpec = z.strictObject({
  /** Folder in /home/dev. */
  directory: z.string(),
  url: z.string().optional(),
  branch: z.string().optional(),
  bundle: z.strictObject({digest: z.string(), commit: z.string()}).optional(),
});

export const gitCredential = z.discriminatedUnion('type', [
  z.strictObject({type: z.literal('password'), username: z.string(), password: z.string()}),
  z.strictObject({type: z.literal('sshKey'), privateKey: z.string(), knownHosts: z.string().optional()}),
]);

/** `Missing` never appears in a list; it is what a call on an absent instance answers. */
export const instanceState = z.enum([
  'Creating',
  'Running',
  'Stopped',
  'Frozen',
  'Starting',
  'Stopping',
  'Error',
  'Missing',
]);

export const operationKind = valuesSince(
  {Export: 'moves', Import: 'moves'},
  z.enum([
    'Create',
    'Start',
    'Stop',
    'Unfreeze',
    'Rename',
    'Delete',
    'Configure',
    'Clone',
    'Fetch',
    'Setup',
    'Export',
    'Import',
  ]),
);

export const failureCode = z.enum([
  'ImageNotFound',
  'NoSpace',
  'BackendUnavailable',
  'TimedOut',
  'PermissionDenied',
  'RepositoryNotFound',
  'AuthenticationFailed',
  'NetworkUnreachable',
  'CommandFailed',
  'NotPermittedNow',
  'UnsavedWork',
  'Internal',
]);

/** An instance as the agent last saw it. Every fact is what was observed, never what was asked for. */
export const instance = z.strictObject({
  uid: z.string(),
  /** On the backend; differs from `nexus-<uid>` when somebody renamed it. */
  name: z.string(),
  provider,
  state: instanceState,
  specHash: z.string().optional(),
  address: z.string().optional(),
  hostKey: z.string().optional().describe('OpenSSH form, without comment.'),
  /** Whether its sshd has answered with a banner since it was last started. */
  sshReady: z.boolean(),
  startedAt: timestamp.optional(),
  lastStartedAt: since(
    'moves',
    timestamp
      .optional()
      .describe(
        'Also of one that is stopped; tells whether it has run since. Missing where the backend does not know.',
      ),
  ),
  /** The copy of a move to this node: not the workspace's instance until it is accepted, and never started before. */
  incoming: since(
    'moves',
    z
      .strictObject({
        transfer: z.string(),
        complete: z.boolean().describe('Whether all of it has arrived and was compared with what was sent.'),
        sourceStartedAt: timestamp
          .optional()
          .describe('`lastStartedAt` of the instance that it is a copy of.'),
      })
      .optional(),
  ),
  /** It is sealed: a move of it to another node has begun, and until it is kept it is not started here. */
  departing: since('moves', z.strictObject({transfer: z.string()}).optional()),
  limits: z.strictObject({cpus: z.int(), memory: z.int(), disk: z.int()}).optional(),
  limitsPending: since(
    'pendingLimits',
    z.boolean().optional().describe('Some of the limits hold from its next start on.'),
  ),
  authorizedKeysHash: z.string().optional().describe('SHA-256 of the keys joined by newlines.'),
  /** What runs at present; at most one per instance. */
  operation: z
    .strictObject({kind: operationKind, startedAt: timestamp, message: z.string().optional()})
    .optional(),
  /** Of the last operation that failed, until one of the same kind succeeds. */
  lastError: z
    .strictObject({operation: operationKind, code: failureCode, message: z.string(), at: timestamp})
    .optional(),
  repository: z
    .strictObject({
      commit: z.string().optional(),
      branch: z.string().optional(),
      bundleCommit: z.string().optional().describe('Tip of the last bundle that was taken in.'),
      clonedAt: timestamp,
      /** Unsaved: uncommitted or unpushed work. Absent until looked at. */
      unsaved: z.boolean().optional(),
      /** Why the last fetched commits were not merged. */
      notMerged: z.string().optional(),
      /** What the clone says about how to run it, read after each clone and fetch; for workspaces that are configured by their repository. */
      configuration: z
        .strictObject({
          /** Names in its top folder, at most 1,000. */
          files: z.array(z.string()),
          /** `.nexus/config.yaml`, when it is there and at most 256 KiB. */
          nexusConfig: z.string().optional(),
          /** `package.json`, likewise. */
          packageJson: z.string().optional(),
        })
        .optional(),
      observedAt: timestamp,
    })
    .optional(),
  setup: z
    .strictObject({
      hash: z.string(),
      state: z.enum(['Running', 'Succeeded', 'Failed']),
      step: z.int().optional().describe('Index of the command that runs or failed.'),
      exitCode: z.int().optional(),
      message: z.string().optional().describe('Last lines of output.'),
    })
    .optional(),
  /** Hash that came with services/apply; absent when none were applied to this instance. */
  servicesHash: z.string().optional(),
  services: z.array(
    z.strictObject({
      name: z.string(),
      state: serviceState,
      health: z.enum(['Healthy', 'Unhealthy', 'Unknown']),
      pid: z.int().optional(),
      exitCode: z.int().optional(),
      restarts: z.int(),
      lastError: z.string().optional(),
      since: timestamp,
      observedAt: timestamp,
    }),
  ),
  forwards: z.array(
    forward.extend({
      state: z.enum(['Listening', 'Failed']),
      message: z.string().optional(),
      inUse: z.boolean().optional(),
    }),
  ),
  /** Kept after deletion because it held unsaved work; destroyed after `until`. */
  retired: z.strictObject({at: timestamp, until: timestamp}).optional(),
  /** Of two descriptions on one connection the one with the larger number is the newer: some differ by less than a millisecond. */
  revision: z.int().optional(),
  observedAt: timestamp,
});

export const serviceSpec = service;

export type InstanceSpec = z.infer<typeof instanceSpec>;
export type Instance = z.infer<typeof instance>;
export type InstanceState = z.infer<typeof instanceState>;
export type Forward = z.infer<typeof forward>;
export type RepositorySpec = z.infer<typeof repositorySpec>;
export type GitCredential = z.infer<typeof gitCredential>;
export type FailureCode = z.infer<typeof failureCode>;
export type OperationKind = z.infer<typeof operationKind>;
