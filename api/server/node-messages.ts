import {z} from 'zod';
import {capacity} from '../agent/v1alpha1/messages.ts';
import {duration} from '../v1alpha1/duration.ts';
import {labels, resourceName, timestamp} from '../v1alpha1/metadata.ts';
import {nodeSpec} from '../v1alpha1/node.ts';

export const createNodeRequest = z.strictObject({
  name: resourceName,
  labels: labels.optional(),
  address: nodeSpec.shape.address,
  user: nodeSpec.shape.user,
  port: nodeSpec.shape.port,
  host_key: nodeSpec.shape.hostKey,
  providers: nodeSpec.shape.providers,
});

export const drainNodeRequest = z.strictObject({
  to: resourceName.optional().describe('Move all to this node; without it, each where it fits best.'),
  timeout: duration.optional().describe('No move is begun after it; those under way go on.'),
});

export const nodeView = z.strictObject({
  name: z.string(),
  address: z.string(),
  user: z.string(),
  port: z.int(),
  local: z.boolean(),
  labels: z.record(z.string(), z.string()),
  unschedulable: z.boolean(),
  draining: z.boolean().describe('Whether its workspaces are being moved to other nodes.'),
  ready: z.enum(['True', 'False', 'Unknown']),
  message: z.string().nullable(),
  heartbeat_at: timestamp.nullable(),
  agent_version: z.string().nullable(),
  providers: z.array(
    z.strictObject({name: z.string(), backend: z.string(), version: z.string(), ready: z.boolean()}),
  ),
  capacity: capacity.nullable(),
  allocatable: capacity.nullable(),
  workspaces: z.int(),
});

export const nodeList = z.strictObject({nodes: z.array(nodeView)});

export type NodeView = z.infer<typeof nodeView>;
