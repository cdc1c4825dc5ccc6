import {z} from 'zod';

export const health = z.strictObject({
  status: z.enum(['ok', 'degraded', 'unavailable']),
  version: z.string(),
  uptime_seconds: z.int(),
  /** The rest only for callers with a token and for the machine itself. */
  store: z
    .strictObject({
      status: z.enum(['ok', 'unavailable']),
      place: z.string().optional().describe('Which store it is.'),
      message: z.string().optional(),
    })
    .optional(),
  controller: z
    .strictObject({
      status: z.enum(['ok', 'starting', 'unavailable']),
      message: z.string().optional(),
      role: z
        .enum(['leader', 'follower'])
        .optional()
        .describe('Of this server among several on one store: the leader acts, all serve.'),
      leader: z.string().optional().describe('Who leads, if it is another and known.'),
    })
    .optional(),
  nodes: z
    .array(
      z.strictObject({
        name: z.string(),
        ready: z.enum(['True', 'False', 'Unknown']),
        message: z.string().optional(),
        heartbeat_at: z.string().optional(),
        workspaces: z.int().optional(),
      }),
    )
    .optional(),
});

export type Health = z.infer<typeof health>;
