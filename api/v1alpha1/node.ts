import {z} from 'zod';
import {condition} from './condition.ts';
import {apiVersion, objectMeta, timestamp} from './metadata.ts';
import {provider} from './workspace.ts';

const address = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9][A-Za-z0-9.:-]*$/, 'must be a host name or an IP address');

const factor = z.number().min(0.1).max(1000);

export const overcommit = z.strictObject({
  cpus: factor.optional(),
  memory: factor.optional(),
  disk: factor.optional(),
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
    .default('root'),
  port: z.int().min(1).max(65535).default(22),
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
    .describe('How the agent is started there; ["nexus", "agent", "--stdio"] by default.'),
  providers: z
    .array(provider)
    .optional()
    .describe('Those of the providers found there that may be used; all of them by default.'),
  unschedulable: z.boolean().default(false).describe('Cordoned: keeps what it has, gets nothing new.'),
  overcommit: overcommit
    .optional()
    .describe(
      'How many times what it has may be set aside for workspaces by their requests: 8 for cpus, 1 for memory and disk by default.',
    ),
});

const capacity = z.strictObject({
  cpus: z.int(),
  memory: z.int().describe('Bytes.'),
  disk: z.int().describe('Bytes in the storage pool.'),
});

export const nodeStatus = z.strictObject({
  observedGeneration: z.int().optional(),
  conditions: z.array(condition).optional(),
  heartbeatAt: timestamp.optional().describe('When the agent was last heard.'),
  agentVersion: z.string().optional(),
  bootId: z.string().optional(),
  providers: z
    .array(
      z.strictObject({
        name: provider,
        backend: z.string().describe('incus, lxd, docker or qemu.'),
        version: z.string(),
        ready: z.boolean(),
        message: z.string().optional(),
        capacity: capacity.optional(),
        allocatable: capacity.optional(),
      }),
    )
    .optional(),
  capacity: capacity.optional(),
  allocatable: capacity.optional(),
  portsInUse: z.array(z.int()).optional().describe("Ports of Nexus's ranges that other programs hold."),
  workspaces: z.int().optional(),
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
