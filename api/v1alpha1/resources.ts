import {z} from 'zod';
import {byteQuantity, parseBytes} from './quantity.ts';

const requests = z.strictObject({
  cpus: z.number().min(0).max(1024).optional().describe('Processors, also parts of one.'),
  memory: byteQuantity.optional().describe('Such as 512MiB or 4GiB.'),
  disk: byteQuantity.optional().describe('Such as 20GiB or 1TB.'),
});

const limits = z.strictObject({
  cpus: z.int().min(1).max(1024).default(2).describe('Processors that it may use at once.'),
  memory: byteQuantity.default('4GiB').describe('Such as 512MiB or 4GiB.'),
  disk: byteQuantity.default('20GiB').describe('Such as 20GiB or 1TB.'),
  requests: requests
    .optional()
    .describe(
      'Set aside for it on its node: it goes only where there is room. What is not named here is what an idle workspace takes: 0.05 cpus, 64MiB memory, 128MiB disk.',
    ),
});

/** What a workspace may take at most, and what it is sure to get. */
export const resources = limits.superRefine(checkRequests);

function checkRequests(
  {cpus, memory, disk, requests: asked = {}}: z.infer<typeof limits>,
  context: z.RefinementCtx<z.infer<typeof limits>>,
): void {
  const isMore = {
    cpus: asked.cpus !== undefined && asked.cpus > cpus,
    memory: exceeds(asked.memory, memory),
    disk: exceeds(asked.disk, disk),
  };
  for (const [name, more] of Object.entries(isMore)) {
    if (more) {
      context.addIssue({
        code: 'custom',
        path: ['requests', name],
        message: `asks for more than resources.${name} lets it have`,
      });
    }
  }
}

/** Text that is no size is reported by itself. */
function exceeds(asked: string | undefined, limit: string): boolean {
  const sizes = [asked, limit].map(text =>
    byteQuantity.safeParse(text).success ? parseBytes(text ?? '') : 0,
  );
  const [request = 0, bound = 0] = sizes;
  return bound > 0 && request > bound;
}
