import {z} from 'zod';
import {apiVersion, objectMeta, timestamp} from './metadata.ts';

/** Something that happened to a resource, and who did it; also the audit trail. Repeats are counted, not stored again. */
export const event = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('Event'),
  metadata: objectMeta,
  spec: z.strictObject({
    regarding: z.strictObject({kind: z.string(), name: z.string(), uid: z.string().optional()}),
    type: z.enum(['Normal', 'Warning']),
    reason: z.string().describe('One CamelCase word for programs.'),
    message: z.string(),
    actor: z.string().describe('A user name, or the component: controller, agent.'),
    requestId: z.string().optional(),
    count: z.int().default(1),
    firstTimestamp: timestamp,
    lastTimestamp: timestamp,
  }),
  status: z.strictObject({}).optional(),
});

export type Event = z.infer<typeof event>;
