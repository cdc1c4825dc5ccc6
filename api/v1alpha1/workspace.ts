import {z} from 'zod';
import {condition} from './condition.ts';
import {duration} from './duration.ts';
import {apiVersion, labels, objectMeta, resourceName, timestamp} from './metadata.ts';
import {commitId, repository} from './repository.ts';
import {resources} from './resources.ts';
import {environment, service, serviceState, shellCommand} from './service.ts';
import {checkServices} from './service-graph.ts';

export const provider = z.enum(['lxc', 'docker', 'qemu']);

/** How long each phase may take before it counts as failed, is reported, and is tried again. */
export const deadlines = z.strictObject({
  create: duration.default('10m').describe('Making the container or machine.'),
  start: duration.default('2m').describe('From its start until its sshd answers.'),
  stop: duration.default('1m').describe('After that it is ended by force.'),
  clone: duration.default('15m').describe('Cloning the repository.'),
  setup: duration.default('30m').describe('All setup commands together.'),
});

/** `nexus/base`, `ubuntu:22.04`, `images:debian/12`, a fingerprint: what the node has or can reach. */
const imageName = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/:@-]*$/, 'must be an image such as nexus/base or ubuntu:22.04');

export const workspaceSpec = z.strictObject({
  owner: resourceName.describe('Name of the User whose keys open the workspace.'),
  repo: repository.optional().describe('What is cloned into it.'),
  configFrom: z
    .enum(['spec', 'repository'])
    .default('spec')
    .describe(
      "Where setup and services come from: this spec, or .nexus/config.yaml in the clone (generated from the repository's files when it has none).",
    ),
  provider: provider.default('lxc').describe('lxc speaks to LXD and to Incus.'),
  image: imageName
    .default('nexus/base')
    .describe(
      'What it is made from: an image that the node has or can reach, such as nexus/base or ubuntu:22.04.',
    ),
  node: resourceName.optional().describe('Run on this node and no other.'),
  nodeSelector: labels
    .refine(selector => Object.keys(selector).length <= 64, 'must be at most 64 labels')
    .optional()
    .describe('Run on a node that has all of these labels.'),
  resources: resources.prefault({}).describe('What it may use of its node.'),
  env: environment.default({}).describe('For setup commands, services and logins.'),
  setup: z
    .array(shellCommand)
    .max(100)
    .default([])
    .describe('Run once in the repository, in order, after it is cloned.'),
  services: z
    .array(service)
    .max(100)
    .default([])
    .superRefine(checkServices)
    .describe(
      'Programs that run in it, each started once what it depends on is healthy, and started again when it fails.',
    ),
  running: z.boolean().default(true).describe('false stops the workspace and keeps what is in it.'),
  deadlines: deadlines
    .prefault({})
    .describe('How long each phase may take before it counts as failed, is reported, and is tried again.'),
});

export const workspacePhase = z.enum([
  'Pending',
  'Creating',
  'Running',
  'Stopped',
  'Error',
  'Deleting',
  'Unknown',
]);

/** A port of the node that is forwarded to the workspace: `ssh`, and one for each service that has a port. */
export const portAllocation = z.strictObject({
  name: z.string().describe('ssh, or the name of the service.'),
  nodePort: z.int().describe('Where the node listens.'),
  targetPort: z.int().describe('Where it leads to inside the workspace.'),
});

export const serviceStatus = z.strictObject({
  name: z.string().describe('As in spec.services.'),
  port: z.int().optional().describe('Inside the workspace.'),
  localPort: z.int().optional().describe('On the node.'),
  status: serviceState.describe('What it is doing.'),
  health: z.enum(['Healthy', 'Unhealthy', 'Unknown']).describe('By its health check, when last looked at.'),
  exitCode: z.int().optional().describe('Of its last run, if that has ended.'),
  restarts: z.int().default(0).describe('How often it was started again.'),
  lastError: z.string().optional().describe('The last that it wrote, or that went wrong.'),
  url: z.string().optional().describe('Where it is reached from outside.'),
  since: timestamp.optional().describe('When status last changed.'),
  observedAt: timestamp.optional().describe('When this was last seen.'),
});

export const workspaceStatus = z.strictObject({
  phase: workspacePhase
    .optional()
    .describe('All in one word; Unknown when nothing has been heard of it lately.'),
  observedGeneration: z.int().optional().describe('The generation of spec that this status answers.'),
  conditions: z
    .array(condition)
    .optional()
    .describe(
      'What is so and why: Scheduled, Provisioned, RepositoryCloned, ServicesHealthy, Ready and others.',
    ),
  node: z
    .string()
    .optional()
    .describe('Where it was placed; kept until it is deleted, or moved by a drain of the node.'),
  reserved: z
    .strictObject({
      cpus: z.number().describe('Processors, also parts of one.'),
      memory: z.int().describe('Bytes.'),
      disk: z.int().describe('Bytes.'),
    })
    .optional()
    .describe(
      'What is set aside for it on its node: its requests while it is to run, its disk alone while it is stopped. Bytes of memory and disk.',
    ),
  ports: z.array(portAllocation).optional().describe('Unique per node, enforced by the store.'),
  migration: z
    .strictObject({
      source: z.string().describe('The node that it leaves.'),
      target: z.string().describe('The node that it goes to.'),
      transfer: z
        .string()
        .describe('Tells its copy, and the seal of its source, from those of any other move.'),
      phase: z
        .enum(['Copying', 'Switched'])
        .describe(
          'Copying: the source is the workspace, and is stopped. Switched, by the same write that changes node and ports: the target is, and what is left on the source is removed.',
        ),
      startedAt: timestamp.describe('When the move began.'),
      attempts: z.int().optional().describe('Copies that were cut off; another was begun.'),
      copied: z.int().optional().describe('Bytes.'),
      size: z.int().optional().describe('Bytes, where that is known before.'),
      sourceStartedAt: timestamp.optional().describe('When what was copied had been started last.'),
    })
    .optional()
    .describe('Its move to another node, while that is under way.'),
  lastMove: z
    .strictObject({
      source: z.string().describe('The node that it left, or was to leave.'),
      target: z.string().describe('The node that it went to, or was to go to.'),
      outcome: z.enum(['Moved', 'Failed', 'Cancelled']).describe('How it ended.'),
      message: z.string().describe('For people.'),
      at: timestamp.describe('When it ended.'),
      failures: z.int().optional().describe('Moves in a row that failed.'),
      nextAttemptAt: timestamp.optional().describe('When another is begun, after one that failed.'),
    })
    .optional()
    .describe('Its last move to another node.'),
  ssh: z
    .strictObject({
      host: z.string().optional().describe('Of the node, together with port.'),
      port: z
        .int()
        .optional()
        .describe('Of the node; without one it is reached through the gateway, until a port is free.'),
      username: z.string().describe('Who to log in as.'),
      hostKey: z
        .string()
        .optional()
        .describe("The workspace's public host key in OpenSSH form; clients pin it."),
      gateway: z
        .strictObject({
          host: z.string().optional().describe('That of the server, unless it says another.'),
          port: z.int().describe('Of the gateway.'),
        })
        .optional()
        .describe("The server's ssh gateway, which leads to it by its name; absent where there is none."),
    })
    .optional()
    .describe('How users log in.'),
  instance: z
    .strictObject({
      name: z.string().describe('On the backend of its node.'),
      state: z.string().describe('As the agent calls it.'),
      address: z.string().optional().describe('Reached from its node only.'),
      specHash: z.string().optional().describe('Of what it was made from.'),
      startedAt: timestamp.optional().describe('When it was last started.'),
      observedAt: timestamp.describe('When this was last seen.'),
    })
    .optional()
    .describe('The container or machine, as last seen.'),
  services: z.array(serviceStatus).optional().describe('Each service, as last seen.'),
  repo: z
    .strictObject({
      owner: z.string().optional().describe('As in spec.repo.'),
      name: z.string().describe('As in spec.repo.'),
      branch: z.string().optional().describe('What is checked out.'),
      commit: commitId.optional().describe('What is checked out.'),
      dirty: z
        .boolean()
        .optional()
        .describe('Whether it holds work that is not committed and pushed, when last looked at.'),
      observedAt: timestamp.optional().describe('When this was last seen.'),
    })
    .optional()
    .describe('The clone, as last seen.'),
  setup: z
    .strictObject({
      state: z.enum(['Pending', 'Running', 'Succeeded', 'Failed']).describe('Of all commands together.'),
      exitCode: z.int().optional().describe('Of the command that failed.'),
      message: z.string().optional().describe('What failed, and the end of what it wrote.'),
    })
    .optional()
    .describe('The setup commands.'),
  failures: z.int().optional().describe('Attempts in a row that failed; 0 or absent when all is well.'),
  nextAttemptAt: timestamp.optional().describe('When the next attempt is made, while failures is not 0.'),
  lastFailure: z
    .strictObject({
      operation: z.string().describe('What was attempted, such as Create, Clone or Setup.'),
      code: z.string().describe('One CamelCase word for programs, such as ImageNotFound.'),
      message: z.string().describe('For people.'),
      at: timestamp.describe('When the controller took note of it.'),
      reportedAt: timestamp
        .optional()
        .describe("The node's own time of it; tells one failure from the next."),
      also: z
        .array(z.string())
        .optional()
        .describe('Other operations that failed before it and have not succeeded since.'),
    })
    .optional()
    .describe('What last went wrong, while failures is not 0.'),
  operationStartedAt: timestamp
    .optional()
    .describe('When the present transition began; deadlines count from it.'),
  observedAt: timestamp.optional().describe('When the node last told about this workspace.'),
});

export const workspace = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('Workspace'),
  metadata: objectMeta,
  spec: workspaceSpec,
  status: workspaceStatus.optional(),
});

export type Provider = z.infer<typeof provider>;
export type WorkspaceSpec = z.infer<typeof workspaceSpec>;
export type WorkspaceStatus = z.infer<typeof workspaceStatus>;
export type WorkspacePhase = z.infer<typeof workspacePhase>;
export type ServiceStatus = z.infer<typeof serviceStatus>;
export type PortAllocation = z.infer<typeof portAllocation>;
export type Workspace = z.infer<typeof workspace>;

/** Holds a Workspace until its instance is gone from its node. Set by admission when a Workspace is created. */
export const instanceFinalizer = 'nexus.dev/instance';
