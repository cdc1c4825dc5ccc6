import {z} from 'zod';
import {kinds} from '../v1alpha1/kinds.ts';
import {apiVersion} from '../v1alpha1/metadata.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';
import {count, flag} from './query.ts';

/** Checked against its kind's schema once the defaults that depend on the caller are in. */
export const anyDocument = z.unknown().describe('A resource, as its schema has it; or a patch of one.');

/** Parameters that Kubernetes has and these routes don't heed are let pass, as there. */
export const mutateQuery = z.object({
  dryRun: z
    .literal('All', 'must be All')
    .optional()
    .transform(value => value === 'All')
    .describe('All: everything is checked, nothing is changed.'),
  fieldManager: z.string().max(128).optional(),
});

export const listQuery = z.object({
  labelSelector: z.string().max(4096).optional(),
  fieldSelector: z.string().max(4096).optional(),
  limit: count.optional(),
  continue: z.string().max(4096).optional(),
  resourceVersion: z.string().max(64).optional(),
  watch: flag.default(false),
  allowWatchBookmarks: flag.default(false),
  sendInitialEvents: flag.default(false),
  timeoutSeconds: count.optional().describe('Of a watch: after which the server ends it.'),
});

export const deleteOptions = z.object({
  kind: z.string().optional(),
  apiVersion: z.string().optional(),
  dryRun: z.array(z.string()).optional(),
  propagationPolicy: z.string().optional(),
  preconditions: z.object({uid: z.string().optional(), resourceVersion: z.string().optional()}).optional(),
});

export function objectList(kind: ServedKind): z.ZodType {
  return z.strictObject({
    apiVersion: z.literal(apiVersion),
    kind: z.literal(`${kind}List`),
    metadata: z.strictObject({
      resourceVersion: z.string(),
      continue: z.string().optional(),
      remainingItemCount: z.int().optional(),
    }),
    items: z.array(kinds[kind].schema),
  });
}
