import {z} from 'zod';
import {condition} from './condition.ts';
import {apiVersion, objectMeta, resourceName, timestamp} from './metadata.ts';
import {provider} from './workspace.ts';

const address = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9][A-Za-z0-9.:-]*$/, 'must be a host name or an IP address');

export const drain = z.strictObject({
  to: resourceName.optional().describe('Move all to this node; without it, each where it fits best.'),
  requestedAt: timestamp.optional().describe('What failed to move before is tried again at once.'),
  until: timestamp.optional().describe('No move is begun after it; those under way go on.'),
});

const factor = z.number().min(0.1).max(1000);

export const overcommit = z.strictObject({
  cpus: factor.optional().describe('8 by default.'),
  memory: factor.optional().describe('1 by default.'),
  disk: factor.optional().describe('1 by default.'),
});

export const nodeSpec = z.strictObject({
  local: z
    .boolean()
    .default(false)
    .describe('The machine the server runs on: reached through a child process, not ssh.'),
  address: address
    .default('127.0.0.1')
    .describe('Where the server reaches it, and where workspaces are reached by users.'),
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be a login name')
    .default('root')
    .describe('Who the server logs in as.'),
  port: z.int().min(1).max(65535).default(22).describe('Of its sshd.'),
  hostKey: z
    .string()
    .regex(
      /^(ssh-|ecdsa-)[a-z0-9-]+ [A-Za-z0-9+/=]+$/,
      'must be a public host key such as "ssh-ed25519 AAAA…"',
    )
    .optional()
    .describe('Pinned when the node is added; a node without one is not connected to.'),
  identityFile: z
    .string()
    .optional()
    .describe("Private key on the server's disk; the server's own by default."),
  agentCommand: z
    .array(z.string().min(1))
    .optional()
    .describe(
      'How the agent is started there; by default the one that nexus node add has installed, else the nexus on the PATH.',
    ),
  providers: z
    .array(provider)
    .optional()
    .describe('Those of the providers found there that may be used; all of them by default.'),
  unschedulable: z.boolean().default(false).describe('Cordoned: keeps what it has, gets nothing new.'),
  drain: drain
    .optional()
    .describe('Counts while it is cordoned: its workspaces are moved to other nodes. Uncordoning ends it.'),
  overcommit: overcommit
    .optional()
    .describe(
      'How many times what it has may be set aside for workspaces by their requests: 8 for cpus, 1 for memory and disk by default.',
    ),
});

const capacity = z.strictObject({
  cpus: z.int().describe('Processors.'),
  memory: z.int().describe('Bytes.'),
  disk: z.int().describe('Bytes in the storage pool.'),
});

export const nodeStatus = z.strictObject({
  observedGeneration: z.int().optional().describe('The generation of spec that this status answers.'),
  conditions: z.array(condition).optional().describe('What is so and why: Ready and others.'),
  heartbeatAt: timestamp.optional().describe('When the agent was last heard.'),
  agentVersion: z.string().optional().describe('Of the agent that runs there.'),
  agentPackage: z
    .string()
    .optional()
    .describe('What its agent was started from: version and hash of the content.'),
  failedUpgrade: z
    .strictObject({
      package: z.string().describe('What it was to become.'),
      at: timestamp.describe('When that was given up.'),
      message: z.string().describe('Why, and what the node runs since.'),
    })
    .optional()
    .describe('The last upgrade of its agent, if that did not succeed.'),
  bootId: z.string().optional().describe('Changes when the machine is booted.'),
  providers: z
    .array(
      z.strictObject({
        name: provider.describe('As in spec.provider of a workspace.'),
        backend: z.string().describe('incus, lxd, docker or qemu.'),
        version: z.string().describe('Of the backend.'),
        ready: z.boolean().describe('Whether workspaces can be made there.'),
        message: z.string().optional().describe('Why it is not ready.'),
        transferFormat: z
          .string()
          .optional()
          .describe('As what workspaces are moved; missing where they can not be.'),
        capacity: capacity.optional().describe('What its backend has, where that is less than the machine.'),
        allocatable: capacity
          .optional()
          .describe('What workspaces of this provider may ask for, all together.'),
      }),
    )
    .optional()
    .describe('What was found there.'),
  capacity: capacity.optional().describe('What the machine has.'),
  allocatable: capacity.optional().describe('What workspaces may ask for, all together.'),
  portsInUse: z.array(z.int()).optional().describe("Ports of Nexus's ranges that other programs hold."),
  workspaces: z.int().optional().describe('How many are placed there.'),
});

export const node = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('Node'),
  metadata: objectMeta,
  spec: nodeSpec.prefault({}),
  status: nodeStatus.optional(),
});

export type NodeSpec = z.infer<typeof nodeSpec>;
export type NodeStatus = z.infer<typeof nodeStatus>;
export type Node = z.infer<typeof node>;
