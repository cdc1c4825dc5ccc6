import {z} from 'zod';
import {apiVersion, objectMeta, timestamp} from './metadata.ts';

/** Something that happened to a resource, and who did it; also the audit trail. Repeats are counted, not stored again. */
export const event = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('Event'),
  metadata: objectMeta,
  spec: z.strictObject({
    regarding: z
      .strictObject({
        kind: z.string().describe('Of the resource.'),
        name: z.string().describe('Of the resource.'),
        uid: z.string().optional().describe('Of the resource.'),
      })
      .describe('What it happened to.'),
    type: z.enum(['Normal', 'Warning']).describe('Warning is what somebody should look at.'),
    reason: z.string().describe('One CamelCase word for programs.'),
    message: z.string().describe('For people.'),
    actor: z.string().describe('A user name, or the component: controller, agent.'),
    requestId: z.string().optional().describe('Of the request that it came of, as in the log.'),
    count: z.int().default(1).describe('How often it happened.'),
    firstTimestamp: timestamp.describe('When it first happened.'),
    lastTimestamp: timestamp.describe('When it last happened.'),
  }),
  status: z.strictObject({}).optional(),
});

export type Event = z.infer<typeof event>;
